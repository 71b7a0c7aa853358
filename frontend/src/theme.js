const NAMES = { light: "frontdesk", dark: "frontdesk-dark" };

/** Light or dark: what the system says until the person chooses, then their choice, kept in a cookie. */
export function themeToggle() {
  return {
    dark: false,
    init() {
      const chosen = document.documentElement.dataset.theme;
      this.dark = chosen ? chosen === NAMES.dark : matchMedia("(prefers-color-scheme: dark)").matches;
    },
    toggle() {
      this.dark = !this.dark;
      const name = this.dark ? NAMES.dark : NAMES.light;
      document.documentElement.dataset.theme = name;
      document.cookie = `theme=${name};path=/;max-age=31536000;samesite=lax`;
    },
    get pressed() {
      return this.dark ? "true" : "false";
    },
  };
}
