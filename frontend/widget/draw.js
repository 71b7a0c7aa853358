/** An element with its attributes, listeners (`onclick`) and children. Never from a string of markup. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  chat: ["M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 0 1 4 13.5z", "M8.2 8.8h7.6M8.2 11.8h4.6"],
  close: ["M6.5 6.5l11 11M17.5 6.5l-11 11"],
  down: ["M6 9.5l6 6 6-6"],
  send: ["M12 19V5M5.5 11.5L12 5l6.5 6.5"],
  waiting: ["M12 7.5V12l3 2", "M12 4.2a7.8 7.8 0 1 1 0 15.6 7.8 7.8 0 0 1 0-15.6"],
  delivered: ["M5 12.5l4.5 4.5L19 7.5"],
  read: ["M2.5 12.5L7 17l8.5-9.5", "M11.5 16.5l.5.5 9-9.5"],
  file: ["M20 11.5l-7.6 7.6a4.6 4.6 0 0 1-6.5-6.5l8-8a3 3 0 0 1 4.3 4.3l-8 8a1.5 1.5 0 0 1-2.2-2.2l7.2-7.2"],
  mic: ["M12 3.5a2.8 2.8 0 0 1 2.8 2.8v5a2.8 2.8 0 0 1-5.6 0v-5A2.8 2.8 0 0 1 12 3.5z", "M5.8 11a6.2 6.2 0 0 0 12.4 0M12 17.2v3.3"],
  failed: ["M12 7v6M12 16.6v.1", "M12 4.2a7.8 7.8 0 1 1 0 15.6 7.8 7.8 0 0 1 0-15.6"],
};

/** A drawing that only eyes see. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const shape of SHAPES[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", shape);
    svg.append(path);
  }
  return svg;
}

/** Text with its web addresses as links, and nothing else of it taken as anything but text. */
export function linked(text, newTab) {
  const parts = text.split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]*_])/);
  return parts.map((part, number) =>
    number % 2
      ? el("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow" }, part, el("span", { class: "sr" }, ` ${newTab}`))
      : part,
  );
}

/** Black or white, whichever is read better on the colour: one of them always has 4.5 to 1. */
export function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#10130f" : "#ffffff";
}
