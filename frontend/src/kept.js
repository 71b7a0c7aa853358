/** Small things that this browser keeps, each with its moment; a full or closed store keeps nothing. */
export function keep(name, value) {
  try {
    if (value === undefined) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify({ at: Date.now(), value }));
  } catch {
    // No room, or storage is switched off: it lives as long as the page.
  }
}

/** What was kept under a name, unless it is older than so many hours. */
export function kept(name, hours) {
  try {
    const found = JSON.parse(localStorage.getItem(name));
    return found && Date.now() - found.at < hours * 3_600_000 ? found.value : undefined;
  } catch {
    return undefined;
  }
}

/** Forget what begins with this and is older than so many hours. */
export function tidy(prefix, hours) {
  try {
    for (const name of Object.keys(localStorage))
      if (name.startsWith(prefix) && kept(name, hours) === undefined) localStorage.removeItem(name);
  } catch {
    // as above
  }
}
