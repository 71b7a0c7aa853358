"""Headings, paragraphs and rows from the places of lines."""

from knowledge.layout import Line, as_rows, blocks


def line(text, *, top, left=60.0, size=10.0, page=1):
    return Line(page, left, top, left + len(text) * size / 2, top - size, text)


def told(lines):
    return [(block.level, block.text) for block in blocks(lines)]


def test_bigger_letters_are_headings_by_size():
    lines = [line("House rules", top=800, size=20), line("Pool", top=760, size=14)]
    lines += [line("Open from eight.", top=730), line("No glass.", top=718), line("No dogs.", top=706)]
    assert told(lines) == [(1, "House rules"), (2, "Pool"), (0, "Open from eight. No glass. No dogs.")]


def test_a_wider_gap_and_a_bullet_begin_a_paragraph():
    lines = [line("One", top=700), line("goes on", top=688), line("and on.", top=676)]
    lines += [line("Another", top=640), line("too.", top=628), line("• a point", top=616)]
    assert told(lines) == [(0, "One goes on and on."), (0, "Another too."), (0, "• a point")]


def test_a_sentence_goes_on_across_pages_and_hyphens():
    lines = [line("One", top=80), line("two", top=68), line("bring a docu-", top=56)]
    lines += [line("ment with a photo.", top=800, page=2), line("The next.", top=788, page=2)]
    assert told(lines) == [(0, "One two bring a document with a photo. The next.")]


def test_cells_get_the_names_of_their_columns():
    lines = [
        line(text, top=top, left=left)
        for top, row in [(700, "Day Desk Visits"), (680, "Monday 8h 9h"), (660, "Sunday closed")]
        for left, text in zip((60, 200, 320), row.split(), strict=False)
    ]
    assert told(lines) == [(0, "Monday. Desk: 8h; Visits: 9h"), (0, "Sunday. Desk: closed")]


def test_rows_without_named_columns_stay_rows():
    lines = [line("Cut", top=700), line("40", top=700, left=200)]
    lines += [line("Beard", top=680), line("30", top=680, left=200)]
    assert told(lines) == [(0, "Cut | 40"), (0, "Beard | 30")]


def test_running_feet_are_left_out_and_repeated_words_are_not():
    lines = [
        piece
        for page in (1, 2, 3)
        for piece in (
            line(f"Text {'abc'[page - 1]}.", top=700, page=page),
            line(f"{page} / 3", top=20, page=page),
        )
    ]
    assert told(lines) == [(0, "Text a."), (0, "Text b."), (0, "Text c.")]


def test_nothing_is_nothing():
    assert blocks([]) == []


def test_tables_tell_each_value_after_its_column():
    assert as_rows(["Dish", "Price", ""], [["Soup", "12", ""], ["Fish\ncake", "", "new"]]) == (
        "Soup. Price: 12\nFish cake. new"
    )
    assert as_rows(["0", "1"], [["a", "b"], ["", ""]]) == "a | b"
