/**
 * What this browser remembers of the conversation: the visitor's token and what is not sent yet. Nothing is
 * written before the visitor writes. Where storage is barred, the page itself remembers.
 */
export class Store {
  constructor(channel) {
    this.prefix = `frontdesk:${channel}:`;
    this.memory = new Map();
  }

  get(name) {
    return this.memory.get(name) ?? this.#try(() => localStorage.getItem(this.prefix + name)) ?? null;
  }

  set(name, value) {
    if (!this.#try(() => (localStorage.setItem(this.prefix + name, value), true))) this.memory.set(name, value);
  }

  remove(name) {
    this.memory.delete(name);
    this.#try(() => localStorage.removeItem(this.prefix + name));
  }

  names() {
    const kept = this.#try(() => Object.keys(localStorage)) || [];
    const ours = kept.filter((key) => key.startsWith(this.prefix)).map((key) => key.slice(this.prefix.length));
    return [...new Set([...this.memory.keys(), ...ours])];
  }

  clear() {
    this.names().forEach((name) => this.remove(name));
  }

  /** Another tab of this site wrote or forgot something. */
  watch(changed) {
    addEventListener("storage", ({ key }) => {
      if (key?.startsWith(this.prefix)) changed(key.slice(this.prefix.length));
    });
  }

  #try(act) {
    try {
      return act();
    } catch {
      return undefined; // storage is barred here
    }
  }
}
