// The map: one or two planes of points, drawn by Plotly from figures fetched as strings of base64 arrays. What is picked
// or found is ringed on a canvas above, so that picking never draws a hundred thousand points again.
(() => {
  "use strict";
  const { plotly, isDark, onTheme } = window.lapa;
  const CONFIG = {
    displaylogo: false, responsive: true, scrollZoom: true, displayModeBar: true,
    modeBarButtonsToRemove: ["sendChartToCloud", "autoScale2d", "toImage"],
  };
  const ARRAYS = { f4: Float32Array, i4: Int32Array, f8: Float64Array, i2: Int16Array };
  const KEPT = 6, CORNERS = 200;
  const maps = new Set();
  let marks = {}, found = new Set(), foundBy = "";

  function unpack(values) {
    if (Array.isArray(values) || !values?.bdata) return values?.length ? values : [];
    const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
    return new ARRAYS[values.dtype](bytes.buffer);
  }

  const hasWebGL = (() => {
    try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
  })();

  // The drawing library weighs megabytes: it is fetched while nothing else happens, and read when a visitor heads here.
  addEventListener("load", () => (window.requestIdleCallback || setTimeout)(() =>
    document.head.append(Object.assign(document.createElement("link"), { rel: "prefetch", as: "script", href: window.lapaPlotly }))));
  for (const event of ["pointerover", "focusin"]) {
    document.addEventListener(event, ({ target }) => target.closest?.("#tab-map-button") && plotly());
  }

  // One plane: its points as arrays, and what stands where on the screen.
  class Plane {
    constructor(panel) {
      [this.panel, this.area, this.canvas] = [panel, panel.querySelector(".plot"), panel.querySelector("canvas")];
      [this.figure, this.cursor] = [null, -1];
    }

    take(figure) {
      this.figure = figure;
      const parts = [];
      figure.data.forEach((trace, number) => {
        if (trace.customdata === undefined) return;
        if (!hasWebGL && trace.type === "scattergl") trace.type = "scatter";
        trace.hoverinfo = "none";
        delete trace.hovertemplate;
        parts.push({ number, rows: unpack(trace.customdata), x: unpack(trace.x), y: unpack(trace.y), ids: trace.ids });
      });
      const count = parts.reduce((sum, part) => sum + part.rows.length, 0);
      Object.assign(this, { x: new Float32Array(count), y: new Float32Array(count), rows: new Int32Array(count),
        trace: new Int16Array(count), ids: figure.data.some((trace) => trace.ids) ? new Array(count) : null });
      let at = 0, last = 0;
      for (const part of parts) {
        this.x.set(part.x, at); this.y.set(part.y, at); this.rows.set(part.rows, at); this.trace.fill(part.number, at, at + part.rows.length);
        part.ids?.forEach((id, i) => { this.ids[at + i] = id; });
        at += part.rows.length;
      }
      for (const row of this.rows) last = Math.max(last, row);
      this.place = new Int32Array(last + 1).fill(-1);
      this.rows.forEach((row, i) => { this.place[row] = i; });
      this.cursor = -1;
    }

    get axes() { return this.area._fullLayout && [this.area._fullLayout.xaxis, this.area._fullLayout.yaxis]; }

    // From data to pixels of the plot, by the range that is shown right now, also while a finger drags.
    scale() {
      const [x, y] = this.axes;
      const [kx, ky] = [x._length / (x.range[1] - x.range[0]), y._length / (y.range[1] - y.range[0])];
      return { px: (v) => x._offset + (v - x.range[0]) * kx, py: (v) => y._offset + y._length - (v - y.range[0]) * ky,
        inside: (a, b) => a >= x._offset && a <= x._offset + x._length && b >= y._offset && b <= y._offset + y._length };
    }

    isShown(i) {
      const visible = this.area._fullData?.[this.trace[i]]?.visible;
      return visible === undefined || visible === true;
    }

    rings() {
      if (!this.figure || !this.axes) return;
      const box = this.area.getBoundingClientRect(), dots = window.devicePixelRatio || 1;
      [this.canvas.width, this.canvas.height] = [box.width * dots, box.height * dots];
      [this.canvas.style.width, this.canvas.style.height] = [`${box.width}px`, `${box.height}px`];
      const pen = this.canvas.getContext("2d"), { px, py, inside } = this.scale();
      pen.scale(dots, dots);
      const ink = isDark() ? "#ffffff" : "#14171c", paper = isDark() ? "#14171c" : "#ffffff";
      const ring = (x, y, radius, width, color = ink) => {
        const [a, b] = [px(x), py(y)];
        if (!inside(a, b)) return;
        pen.beginPath(); pen.arc(a, b, radius, 0, 7); pen.lineWidth = width; pen.strokeStyle = color; pen.stroke();
      };
      const point = (i, radius, width, color) => i >= 0 && ring(this.x[i], this.y[i], radius, width, color);
      if (!this.ids && !(foundBy === "lasso" && this.hasLoop)) for (const row of found) point(this.place[row] ?? -1, 4.5, 1.2);
      const chosen = this.ids ? this.ids.map((id, i) => (fits(id, marks.tokens) ? i : -1)).filter((i) => i >= 0)
        : marks.row === null || marks.row === undefined ? [] : [this.place[marks.row] ?? -1];
      for (const i of chosen) { point(i, this.ids ? 15 : 9, 5, paper); point(i, this.ids ? 15 : 9, 3); }
      const pair = marks.pair?.[this.coords];
      if (pair) { ring(...pair, 12, 3.5, paper); ring(...pair, 12, 1.5); }
      if (this.cursor >= 0) { point(this.cursor, 7, 4, paper); point(this.cursor, 7, 2); }
      this.area.dataset.ringed = String(chosen.length + found.size);
    }

    // The nearest shown point in a direction, straight ahead before aside; the middle one if there is no cursor yet.
    step(dx, dy) {
      const { px, py, inside } = this.scale(), start = this.cursor >= 0 ? this.cursor : this.place[marks.row] ?? -1;
      const [x, y] = this.axes;
      const [a, b] = start >= 0 ? [px(this.x[start]), py(this.y[start])]
        : [x._offset + x._length / 2, y._offset + y._length / 2];
      let best = -1, least = Infinity;
      for (let i = 0; i < this.x.length; i++) {
        const u = px(this.x[i]) - a, v = py(this.y[i]) - b, ahead = u * dx + v * dy, aside = Math.abs(u * dy) + Math.abs(v * dx);
        const cost = start < 0 ? Math.hypot(u, v) : ahead > 0.5 ? ahead + 2 * aside : Infinity;
        if (cost < least && inside(u + a, v + b) && this.isShown(i)) [best, least] = [i, cost];
      }
      if (best >= 0) this.cursor = best;
      return best;
    }
  }

  function fits(pattern, tokens) {
    const parts = tokens?.split("-");
    return Boolean(parts) && pattern.split("-").every((part, i) => part === "*" || part === parts[i]);
  }

  function map(element, trigger, events, watch, props, server) {
    trigger = window.lapaPress.inOrder(trigger);
    const planes = [...element.querySelectorAll(".panel-map")].map((panel) => new Plane(panel));
    const card = element.querySelector(".hover-card"), said = element.querySelector("[aria-live]");
    const panels = element.querySelector(".panels-map"), problem = element.querySelector(".problem");
    const figures = new Map(), pictures = new Map();
    let request = null, drawn = null, asked = 0;

    async function figure(coords) {
      const { bundle, level, colour } = request, key = JSON.stringify([bundle, coords, level, colour]);
      if (!figures.has(key)) {
        const answer = await server.figure({ bundle, coords, level, colour });
        if (answer.error) throw new Error(answer.error);
        figures.set(key, answer.figure);
        if (figures.size > KEPT) figures.delete(figures.keys().next().value);
      }
      return JSON.parse(figures.get(key));
    }

    async function redraw() {
      if (element.offsetParent === null || props.value === drawn) return;
      drawn = props.value;
      [panels.hidden, problem.hidden] = [!props.value, true];
      if (!props.value) return;
      const mine = (request = JSON.parse(props.value));
      element.classList.toggle("two-maps", mine.coords.length > 1);
      element.setAttribute("aria-busy", "true");
      try {
        const [Plotly, ...made] = await Promise.all([plotly(), ...mine.coords.map(figure)]);
        if (mine !== request) return;
        for (const [i, plane] of planes.entries()) {
          plane.panel.hidden = i >= made.length;
          if (i < made.length) await draw(Plotly, plane, made[i], mine.coords[i]);
        }
      } catch (error) {
        drawn = null;
        problem.textContent = error.message || "The map could not be drawn: choose another colour, or reload the page.";
        [panels.hidden, problem.hidden] = [true, false];
      } finally {
        element.removeAttribute("aria-busy");
      }
    }

    async function draw(Plotly, plane, made, coords) {
      plane.coords = coords;
      plane.panel.querySelector("h4").textContent = coords.toUpperCase();
      plane.take(made);
      await Plotly.react(plane.area, made.data, { ...made.layout, ...plane.kept }, CONFIG);
      await Plotly.relayout(plane.area, made.themes[isDark() ? "dark" : "light"]);
      if (!plane.isWired) wire(plane);
      plane.rings();
      plane.area.dataset.drawn = String(Number(plane.area.dataset.drawn || 0) + 1);
    }

    function wire(plane) {
      const { area } = plane;
      plane.isWired = true;
      for (const event of ["plotly_afterplot", "plotly_relayouting", "plotly_relayout"]) area.on(event, () => plane.rings());
      area.on("plotly_relayout", (change) => { if (change.dragmode) plane.kept = { dragmode: change.dragmode }; });
      area.on("plotly_click", ({ points: [point] }) => point.customdata !== undefined && pick(Number(point.customdata), point.id));
      area.on("plotly_selected", (selected) => selected && loop(plane, selected));
      area.on("plotly_deselect", () => trigger("lasso", { is_empty: true }));
      area.on("plotly_hover", ({ points: [point], event }) => point.customdata !== undefined
        && look(Number(point.customdata), point.id, event.clientX, event.clientY));
      area.on("plotly_unhover", hide);
      area.addEventListener("keydown", (key) => steer(plane, key));
      area.addEventListener("blur", hide);
    }

    function pick(row, pattern) {
      marks = { ...marks, row };
      maps.forEach((other) => other());
      trigger("point", { row, pattern: pattern || "" });
    }

    // The loop goes to the server, not the points in it: that is exact, and small however many they are.
    function loop(plane, { lassoPoints, range }) {
      const { x, y } = lassoPoints || (range ? { x: [range.x[0], range.x[1], range.x[1], range.x[0]], y: [range.y[0], range.y[0], range.y[1], range.y[1]] } : {});
      if (!x || x.length < 3) return;
      planes.forEach((other) => { other.hasLoop = other === plane; }); // this one shows its set by itself
      const every = Math.ceil(x.length / CORNERS), thin = (values) => Array.from(values).filter((_, i) => i % every === 0);
      const hidden = plane.figure.data.filter((trace, i) => trace.meta !== undefined && plane.area._fullData[i]?.visible === "legendonly");
      trigger("lasso", { coords: plane.coords, level: request.level, colour: request.colour, x: thin(x), y: thin(y),
        hidden: hidden.map((trace) => trace.meta) });
    }

    const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    function steer(plane, key) {
      if (key.key === "Escape") return hide();
      const i = plane.cursor;
      if (key.key === "Enter" && i >= 0) { key.preventDefault(); return pick(plane.rows[i], plane.ids?.[i]); }
      if (!(key.key in STEPS) || !plane.figure) return;
      key.preventDefault();
      const at = plane.step(...STEPS[key.key]);
      if (at < 0) return;
      plane.rings();
      const { px, py } = plane.scale(), box = plane.area.getBoundingClientRect();
      look(plane.rows[at], plane.ids?.[at], box.left + px(plane.x[at]), box.top + py(plane.y[at]), true);
    }

    function hide() { asked += 1; card.hidden = true; }

    async function look(row, pattern, left, top, isSpoken = false) {
      const mine = ++asked, { bundle } = request, key = `${bundle} ${row}`;
      if (!pictures.has(key)) {
        pictures.set(key, server.pictures({ bundle, row }));
        if (pictures.size > 400) pictures.delete(pictures.keys().next().value);
      }
      const shown = await pictures.get(key);
      if (mine !== asked || !shown.tokens) return;
      const title = pattern ? `${pattern} (such as transition ${row})` : `${shown.tokens}, transition ${row}`;
      card.replaceChildren(...parts(shown, title));
      const box = element.getBoundingClientRect();
      card.style.left = `${Math.max(0, Math.min(left - box.left + 16, box.width - 350))}px`;
      card.style.top = `${Math.max(0, top - box.top + 16)}px`;
      card.hidden = false;
      if (isSpoken) said.textContent = `${title}, ${shown.words}`;
    }

    const repaint = async () => {
      const Plotly = await plotly();
      for (const plane of planes) {
        if (!plane.figure || plane.panel.hidden) continue;
        await Plotly.relayout(plane.area, plane.figure.themes[isDark() ? "dark" : "light"]);
        plane.rings();
      }
    };
    maps.add(() => planes.forEach((plane) => plane.panel.hidden || plane.rings()));
    onTheme(repaint);
    watch("value", redraw);
    new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && redraw()).observe(element);
  }

  function parts({ images, words }, title) {
    const pictures = document.createElement("div");
    pictures.className = "two";
    for (const [i, src] of images.entries()) pictures.append(Object.assign(new Image(), { src, alt: i ? "after" : "before" }));
    const lines = [title, words].map((textContent) => Object.assign(document.createElement("p"), { textContent }));
    return images.length ? [pictures, ...lines] : lines;
  }

  function follow(props, watch, read) {
    const update = () => {
      read(props.value || "");
      maps.forEach((rings) => rings());
      document.querySelectorAll("#map-table [data-do=row]").forEach((row) =>
        row.setAttribute("aria-pressed", String(row.dataset.row === String(marks.row))));
    };
    watch("value", update);
    update();
  }

  window.lapa.map = map;
  window.lapa.marks = (props, watch) => follow(props, watch, (value) => { marks = value ? JSON.parse(value) : {}; });
  window.lapa.found = (props, watch) => follow(props, watch, (value) => {
    const [by, rows] = value.split(" ");
    [foundBy, found] = [by, new Set(unpack({ bdata: rows, dtype: "i4" }))];
  });
})();
