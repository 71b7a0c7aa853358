"""A document that waits as the spending limit of the day is reached; no row changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0010_vendors"),
    ]

    operations = [
        migrations.AlterField(
            model_name="document",
            name="problem",
            field=models.CharField(
                blank=True,
                choices=[
                    ("empty", "There is no text in it. Check that this is the right file."),
                    ("encrypted", "It is protected by a password. Save it without one and upload it again."),
                    ("corrupt", "It cannot be opened. Save it anew from the program that made it."),
                    ("too_large", "It is too large. Split it into smaller documents."),
                    ("too_much", "Reading it takes too much time or memory. Split it, or save it as PDF."),
                    (
                        "unknown",
                        "This kind of file is not known. Use PDF, DOCX, PPTX, XLSX, CSV, HTML, EML, MD, TXT, images.",
                    ),
                    (
                        "scanned",
                        "Its pages are pictures in which no text could be read. Scan it anew, straight and sharp.",
                    ),
                    (
                        "macro",
                        "It carries macros, which are programs. Save it without them and upload it again.",
                    ),
                    (
                        "polyglot",
                        "It is two kinds of file in one, which no program makes by itself. Save it anew.",
                    ),
                    ("no_credits", "There are not enough credits to read it. Top up, then try again."),
                    (
                        "limit",
                        "Today's spending limit leaves too little to read it. Raise the limit, or try again tomorrow.",
                    ),
                    (
                        "vendor",
                        "The model that finds by meaning was refused. Look at Account, Search, then try again.",
                    ),
                    ("broken", "Something went wrong on our side. Try again; we have been told."),
                ],
                max_length=10,
                verbose_name="problem",
            ),
        ),
    ]
