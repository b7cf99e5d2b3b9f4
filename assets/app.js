// The page's own script: hands button presses to Python, mirrors the selection into the address, draws Plotly figures.
// Loaded before the components; each component's js_on_load calls one of the functions of `window.lapa`.
(() => {
  "use strict";
  let plotlyReady = null;
  const plots = new Map(); // element id -> redraw
  const mirrored = { query: "", row: null };

  const isDark = () => document.body.classList.contains("dark");
  const isTyping = (target) => Boolean(target.closest("input, textarea, select, [contenteditable], [role=listbox]"));

  // buttons

  function attach(element, trigger, event, watch, props, server) {
    element.addEventListener("click", (click) => {
      const save = click.target.closest("[data-save]");
      if (save) return void keep(save, server);
      const pressed = click.target.closest("[data-do]");
      if (pressed) return void trigger(event, { ...pressed.dataset });
      const t = frameAt(click);
      if (t !== null) trigger(event, { do: "jump", t: String(t) });
    });
    element.addEventListener("keydown", (key) => {
      const cell = key.target.closest("[data-editor] [data-code]");
      if (cell) editTokens(key, cell);
    });
    watch("value", () => followFilm(element));
  }

  // A press on the film goes to that picture, one on the ribbon to the frame under the pointer.
  function frameAt(click) {
    const cell = click.target.closest(".lae-film [data-t]");
    if (cell) return Number(cell.dataset.t);
    const ribbon = click.target.closest(".lae-ribbon[data-first]");
    if (!ribbon) return null;
    const lane = ribbon.querySelector(".lane").getBoundingClientRect();
    const { first, last, stride } = ribbon.dataset;
    const share = Math.min(Math.max((click.clientX - lane.left) / lane.width, 0), 0.9999);
    const count = Math.round((last - first) / stride) + 1;
    return Number(first) + Math.floor(share * count) * Number(stride);
  }

  // Digits choose a code at this position; left and right choose the neighbouring code; up and down change position.
  function editTokens(key, cell) {
    const sheet = cell.closest("[data-editor]");
    const at = (position, code) => sheet.querySelector(`[data-position="${position}"][data-code="${code}"]`);
    const position = Number(cell.dataset.position), code = Number(cell.dataset.code);
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    let next = null;
    if (/^[0-9]$/.test(key.key)) next = at(position, key.key);
    else if (key.key in moves) {
      const [rows, codes] = moves[key.key];
      next = rows
        ? sheet.querySelector(`[data-position="${position + rows}"][aria-checked="true"]`)
        : at(position, code + codes);
    } else return;
    key.preventDefault();
    if (!next) return;
    next.focus();
    if (next.dataset.position === cell.dataset.position) next.click();
  }

  function followFilm(element) {
    const film = element.querySelector("[data-follow] .film-rows");
    if (film) film.scrollLeft = film.scrollWidth;
  }

  async function keep(save, server) {
    save.disabled = true;
    try {
      const file = await server[save.dataset.server || "save"]({ ...save.dataset });
      if (file.error) return void tell(file.error);
      const link = document.createElement("a");
      [link.href, link.download] = [file.uri, file.name];
      link.click();
    } catch {
      tell("The file could not be made. Try again.");
    } finally {
      save.disabled = false;
    }
  }

  // the header, the banner, the keyboard

  function tell(text) {
    const strip = document.createElement("div");
    strip.className = "banner";
    strip.setAttribute("role", "alert");
    strip.append(Object.assign(document.createElement("span"), { textContent: text }));
    const close = Object.assign(document.createElement("button"), { textContent: "Dismiss", className: "quiet" });
    close.dataset.dismiss = "";
    strip.append(close);
    document.querySelector("#told")?.remove();
    strip.id = "told";
    document.querySelector("#banner")?.prepend(strip);
  }

  document.addEventListener("click", (click) => {
    if (click.target.closest("[data-dismiss]")) return void (click.target.closest(".banner").hidden = true);
    if (click.target.closest("[data-theme-toggle]")) {
      document.body.classList.toggle("dark");
      return void plots.forEach((redraw) => redraw());
    }
  });

  const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
  document.addEventListener("keydown", (key) => {
    if (isTyping(key.target) || key.ctrlKey || key.metaKey || key.altKey || !(key.key in ARROWS)) return;
    const arrow = document.querySelector(`[data-pad] [data-arrow="${ARROWS[key.key]}"]`);
    if (!arrow || arrow.offsetParent === null) return;
    key.preventDefault();
    arrow.click();
  });

  // the selection in the address

  function mirror(trigger, event, watch, props) {
    // Only a visitor's press opens a tab: Gradio's own select event also fires when a link restores one.
    document.addEventListener("click", (click) => {
      const name = click.target.closest("#tabs [role=tab]")?.id.match(/^tab-(\w+)-button$/)?.[1];
      if (name) trigger(event, { do: "tab", tab: name });
    });
    const update = () => {
      if (!props.value) return;
      const { query, clip, tab } = Object.assign(mirrored, JSON.parse(props.value));
      const theme = new URLSearchParams(location.search).get("__theme");
      history.replaceState(null, "", `?${query}${theme ? `&__theme=${theme}` : ""}`);
      window.lapaLink.shown(query);
      document.querySelectorAll(".clip[data-clip]").forEach((button) =>
        button.setAttribute("aria-pressed", String(button.dataset.clip === clip)));
      document.body.dataset.tab = tab;
    };
    watch("value", update);
    update();
  }

  // Plotly

  function plotly() {
    plotlyReady ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = window.lapaPlotly;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error("plotly could not be loaded"));
      document.head.append(script);
    });
    return plotlyReady;
  }

  const CONFIG = {
    displaylogo: false, responsive: true, scrollZoom: true,
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "autoScale2d", "toImage"],
  };
  const RING = { type: "scatter", mode: "markers", hoverinfo: "skip", showlegend: false };
  let marks = {};

  // `events` maps "point" and "lasso" to what Python listens to; a figure without them is only looked at.
  function plot(element, trigger, events, watch, props, server) {
    const area = element.querySelector(".plot"), card = element.querySelector(".hover-card");
    let figure = null, drawn = "", wired = false, asked = 0;

    async function redraw() {
      if (!props.value || area.offsetParent === null) return;
      const Plotly = await plotly();
      if (drawn !== props.value) [figure, drawn] = [JSON.parse(props.value), props.value];
      const layout = structuredClone(figure.layout);
      await Plotly.react(area, [...figure.data, ...rings()], layout, { ...CONFIG, scrollZoom: Boolean(card) });
      await Plotly.relayout(area, figure.themes[isDark() ? "dark" : "light"]);
      area.dataset.drawn = String(Number(area.dataset.drawn || 0) + 1);
      if (!wired) wire(Plotly);
    }

    function wire(Plotly) {
      wired = true;
      area.on("plotly_click", ({ points: [point] }) => {
        if (events.includes("point") && point.customdata !== undefined) trigger("point", { row: Number(point.customdata) });
      });
      area.on("plotly_selected", (selected) => {
        const rows = (selected?.points || []).filter((point) => point.customdata !== undefined);
        if (events.includes("lasso") && rows.length) trigger("lasso", { rows: rows.map((p) => Number(p.customdata)) });
      });
      if (!card) return;
      area.on("plotly_hover", ({ points: [point], event }) => hover(point, event));
      area.on("plotly_unhover", () => { asked += 1; card.hidden = true; });
    }

    async function hover(point, event) {
      const mine = ++asked;
      const found = await server.pictures({ bundle: figure.bundle, row: Number(point.customdata) });
      if (mine !== asked || !found.tokens) return;
      card.replaceChildren(...cardParts(found));
      const box = element.getBoundingClientRect();
      const left = Math.min(event.clientX - box.left + 16, box.width - 350);
      card.style.left = `${Math.max(0, left)}px`;
      card.style.top = `${Math.max(0, event.clientY - box.top + 16)}px`;
      card.hidden = false;
    }

    // Rings are drawn here, so that picking a point does not send the map again.
    function rings() {
      if (!card || marks.coords === undefined) return [];
      const found = new Set([...(marks.found || []), ...(marks.row === null ? [] : [marks.row])]);
      const places = new Map();
      for (const trace of figure.data) {
        const [rows, x, y] = [trace.customdata, trace.x, trace.y].map(unpack);
        rows.forEach((row, i) => found.has(row) && places.set(row, [x[i], y[i]]));
      }
      const ring = (points, size, color, width) => ({
        ...RING, x: points.map((p) => p[0]), y: points.map((p) => p[1]),
        marker: { size, symbol: "circle-open", color, line: { width, color } },
      });
      const ink = isDark() ? "#ffffff" : "#14171c";
      const picked = places.has(marks.row) ? [places.get(marks.row)] : [];
      const here = marks.pair && marks.coords === figure.coords ? [marks.pair] : [];
      return [ring([...places.values()], 9, ink, 1.2), ring(picked, 17, ink, 3), ring(here, 24, ink, 1.5)];
    }

    plots.set(element.id || element.parentElement.id || Math.random(), redraw);
    watch("value", redraw);
    new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && redraw()).observe(area);
  }

  const ARRAYS = { f4: Float32Array, i4: Int32Array, f8: Float64Array, i2: Int16Array };
  function unpack(values) {
    if (!values?.bdata) return Array.from(values || []);
    const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
    return Array.from(new ARRAYS[values.dtype](bytes.buffer));
  }

  function cardParts({ images, tokens, words }) {
    const pictures = document.createElement("div");
    pictures.className = "two";
    for (const [i, src] of images.entries()) {
      pictures.append(Object.assign(new Image(), { src, alt: i ? "after" : "before" }));
    }
    const lines = [tokens, words].map((textContent) => Object.assign(document.createElement("p"), { textContent }));
    return images.length ? [pictures, ...lines] : lines;
  }

  function readMarks(props, watch) {
    const update = () => {
      if (!props.value) return;
      marks = JSON.parse(props.value);
      plots.forEach((redraw) => redraw());
    };
    watch("value", update);
    update();
  }

  window.lapa = { attach, mirror, plot, marks: readMarks };
})();
