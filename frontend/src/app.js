import Alpine from "@alpinejs/csp";
import htmx from "htmx.org/dist/htmx.esm.js";
import { attach } from "./attach.js";
import { autosave } from "./autosave.js";
import { composer } from "./composer.js";
import { confirmations } from "./confirm.js";
import { dropzone } from "./dropzone.js";
import { live } from "./live.js";
import { rows } from "./rows.js";
import { sheet } from "./sheet.js";
import { tabs } from "./tabs.js";
import { themeToggle } from "./theme.js";
import { thread } from "./thread.js";
import { toasts } from "./toasts.js";
import { typing } from "./typing.js";
import { unfolded } from "./unfolded.js";
import { widgetPreview } from "./widget_preview.js";

window.htmx = htmx;

Alpine.data("themeToggle", themeToggle);
Alpine.data("dropzone", dropzone);
Alpine.data("attach", attach);

toasts();
confirmations();
sheet();
composer();
thread();
typing();
unfolded();
live();
tabs();
widgetPreview();
rows();
autosave();
Alpine.start();
