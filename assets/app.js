// The page's own script: hands button presses to Python, mirrors the selection into the address, draws Plotly figures.
// Loaded before the components; each component's js_on_load calls one of the functions of `window.lapa`.
(() => {
  "use strict";
  let plotlyReady = null;
  const repaints = new Set(); // what draws a chart again, in the colours of the theme
  const mirrored = { query: "", row: null };

  const onTheme = (repaint) => repaints.add(repaint);
  const isDark = () => document.body.classList.contains("dark");

  // buttons

  function attach(element, trigger, event, watch, props, server) {
    trigger = window.lapaPress.inOrder(trigger);
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
    watch("value", () => {
      followFilm(element);
      element.dispatchEvent(new CustomEvent("lapa-shown", { bubbles: true }));
    });
  }

  // A press on the film goes to that picture; what a press on the ribbon does is in inspect.js.
  function frameAt(click) {
    const cell = click.target.closest(".lae-film [data-t]");
    return cell ? Number(cell.dataset.t) : null;
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
      return void repaints.forEach((repaint) => repaint());
    }
  });

  // the selection in the address

  function mirror(trigger, event, watch, props) {
    trigger = window.lapaPress.inOrder(trigger);
    // Only a visitor's press opens a tab: Gradio's own select event also fires when a link restores one.
    document.addEventListener("click", (click) => {
      const name = click.target.closest("#tabs [role=tab]")?.id.match(/^tab-(\w+)-button$/)?.[1];
      if (name) trigger(event, { do: "tab", tab: name });
    });
    const update = () => {
      if (!props.value) return;
      const { query, clip, tab, ticket } = Object.assign(mirrored, JSON.parse(props.value));
      const theme = new URLSearchParams(location.search).get("__theme");
      history.replaceState(null, "", `?${query}${theme ? `&__theme=${theme}` : ""}`);
      window.lapaLink.shown(query);
      document.querySelectorAll(".clip[data-clip]").forEach((button) =>
        button.setAttribute("aria-pressed", String(button.dataset.clip === clip)));
      document.body.dataset.tab = tab;
      window.lapaPress.answered(ticket);
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
    displaylogo: false, responsive: true,
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "autoScale2d", "toImage"],
  };
  // `events` may hold "point": a press on a cell then reaches Python. The map has a script of its own, map.js.
  function plot(element, trigger, events, watch, props) {
    trigger = window.lapaPress.inOrder(trigger);
    const area = element.querySelector(".plot");
    let figure = null, drawn = "", wired = false;

    async function redraw() {
      if (!props.value || area.offsetParent === null) return;
      const Plotly = await plotly();
      if (drawn !== props.value) [figure, drawn] = [JSON.parse(props.value), props.value];
      await Plotly.react(area, figure.data, structuredClone(figure.layout), CONFIG);
      await Plotly.relayout(area, figure.themes[isDark() ? "dark" : "light"]);
      area.dataset.drawn = String(Number(area.dataset.drawn || 0) + 1);
      if (!wired) wire();
    }

    function wire() {
      wired = true;
      area.on("plotly_click", ({ points: [point] }) => {
        if (events.includes("point") && point.customdata !== undefined) trigger("point", { row: Number(point.customdata) });
      });
    }

    onTheme(redraw);
    watch("value", redraw);
    new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && redraw()).observe(area);
  }

  window.lapa = { attach, mirror, plot, plotly, isDark, onTheme };
})();
