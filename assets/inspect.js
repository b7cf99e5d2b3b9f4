// Inspect and Decode: scrubbing along the ribbon frame by frame, comparing two pictures, editing tokens by keyboard.
// app.js turns presses on [data-do] into events for Python, and says "lapa-shown" when a part has a new value.
(() => {
  "use strict";
  const DIGITS_MS = 700;
  const OWN = "#ribbon, #pair, #decoded, #sheet";
  const compared = { names: "", wipe: 50, blink: false };
  let wanted = null; // the frame that the marker is at; its pictures may still be on the way
  let focused = null, digits = { text: "", at: 0, key: "" };

  function act(inside, data) {
    const button = document.createElement("button");
    Object.assign(button.dataset, data);
    button.hidden = true;
    inside.append(button);
    button.click();
    button.remove();
  }

  // the ribbon is a slider over the clip's frames

  const facts = (ribbon) => Object.fromEntries(
    ["first", "last", "stride", "end", "now"].map((name) => [name, Number(ribbon.dataset[name])]));

  function span(ribbon) {
    const { first, last, stride } = facts(ribbon);
    return last - first + stride;
  }

  function frameUnder(ribbon, x) {
    const lane = ribbon.querySelector(".lane").getBoundingClientRect(), { first, end } = facts(ribbon);
    const share = Math.min(Math.max((x - lane.left) / lane.width, 0), 0.99999);
    return Math.min(first + Math.floor(share * span(ribbon)), end);
  }

  function mark(ribbon, t) {
    const { first, end } = facts(ribbon), now = ribbon.querySelector(".now"), host = document.querySelector("#ribbon");
    if (now) now.style.left = `${(100 * (t - first)) / span(ribbon)}%`;
    Object.entries({ "aria-valuenow": t, "aria-valuemin": first, "aria-valuemax": end, "aria-valuetext": `frame ${t}` })
      .forEach(([name, value]) => host.setAttribute(name, String(value)));
    const picture = nearestPicture(t);
    document.querySelectorAll("#film .lae-film figure").forEach((each) => each.classList.toggle("frame", each === picture));
  }

  function nearestPicture(t) {
    return [...document.querySelectorAll("#film .lae-film [data-t]")]
      .reduce((best, each) => (!best || Math.abs(each.dataset.t - t) < Math.abs(best.dataset.t - t) ? each : best), null);
  }

  // The marker moves at once; press.js asks for the newest frame as soon as the one before it is answered.
  function go(ribbon, t) {
    const { first, end } = facts(ribbon);
    t = Math.min(Math.max(t, first), end);
    if (t === wanted) return;
    wanted = t;
    mark(ribbon, t);
    act(ribbon, { do: "jump", t: String(t) });
  }

  function pressed(press) {
    const ribbon = press.target.closest("#ribbon .lae-ribbon");
    if (!ribbon || press.button !== 0) return;
    go(ribbon, frameUnder(ribbon, press.clientX));
    const move = ({ clientX }) => {
      const now = document.querySelector("#ribbon .lae-ribbon[data-now]"); // answers replace it while it is dragged
      if (now) go(now, frameUnder(now, clientX));
    };
    const done = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", done);
      document.removeEventListener("pointercancel", done);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", done);
    document.addEventListener("pointercancel", done);
  }

  function scrubKey(key) {
    const ribbon = document.querySelector("#ribbon .lae-ribbon");
    if (!ribbon?.dataset.now) return;
    const { now, first, end } = facts(ribbon), window_ = Number(ribbon.dataset.window || 1);
    const from = wanted ?? now;
    const to = {
      ArrowLeft: from - 1, ArrowDown: from - 1, ArrowRight: from + 1, ArrowUp: from + 1,
      PageUp: from - window_, PageDown: from + window_, Home: first, End: end,
    }[key.key];
    if (to === undefined) return;
    key.preventDefault();
    go(ribbon, to);
  }

  function ribbonShown(host) {
    const ribbon = host.querySelector(".lae-ribbon[data-now]");
    if (!ribbon) return;
    Object.entries({ tabindex: "0", role: "slider", "aria-label": "frame of the clip, over its latent actions" })
      .forEach(([name, value]) => host.setAttribute(name, value));
    const asked = window.lapaPress.pending().filter((data) => data.do === "jump").at(-1);
    wanted = Number(asked ? asked.t : ribbon.dataset.now);
    mark(ribbon, Math.min(wanted, facts(ribbon).end));
  }

  // two pictures over each other

  function compareShown(widget) {
    const buttons = [...widget.querySelectorAll("[data-compare]")];
    const chosen = buttons.find((each) => each.dataset.compare === compared.names) || buttons[0];
    const [left, right] = chosen.dataset.compare.split(" ");
    buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === chosen)));
    widget.querySelectorAll("[data-layer]").forEach((image) => {
      image.classList.toggle("left", image.dataset.layer === left);
      image.classList.toggle("right", image.dataset.layer === right);
    });
    widget.querySelector(".side.left").textContent = chosen.dataset.left;
    widget.querySelector(".side.right").textContent = chosen.dataset.right;
    widget.querySelector(".layers").setAttribute("aria-label", `${chosen.dataset.left} beside ${chosen.dataset.right}`);
    widget.querySelector("[data-wipe]").value = compared.wipe;
    widget.querySelector("[data-blink]").setAttribute("aria-pressed", String(compared.blink));
    widget.classList.toggle("blinking", compared.blink);
    widget.style.setProperty("--wipe", `${compared.wipe}%`);
  }

  function wipeTo(widget, value) {
    compared.wipe = Math.min(Math.max(Math.round(value), 0), 100);
    compared.blink = false;
    compareShown(widget);
  }

  function dragWipe(press) {
    const layers = press.target.closest(".lae-compare .layers");
    if (!layers) return;
    press.preventDefault();
    const widget = layers.parentElement, box = layers.getBoundingClientRect();
    const move = ({ clientX }) => wipeTo(widget, (100 * (clientX - box.left)) / box.width);
    move(press);
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", () => document.removeEventListener("pointermove", move), { once: true });
  }

  // tokens by keyboard

  function spinKey(key, spin) {
    const editor = spin.closest("[data-token-editor]"), codes = Number(editor.dataset.codes);
    const position = Number(spin.dataset.position), now = Number(spin.getAttribute("aria-valuenow"));
    const beside = { ArrowLeft: -1, ArrowRight: 1 }[key.key];
    if (beside) {
      key.preventDefault();
      return void editor.querySelector(`.spin[data-position="${position + beside}"]`)?.focus();
    }
    const to = /^[0-9]$/.test(key.key) ? typed(key.key, spin.dataset.key, codes) : {
      ArrowUp: (now + 1) % codes, ArrowDown: (now + codes - 1) % codes, Home: 0, End: codes - 1,
    }[key.key];
    if (to === undefined) return;
    key.preventDefault();
    if (to >= codes || to === now) return;
    showCode(spin, to);
    act(editor, { do: "token", position: String(position), code: String(to) });
  }

  function showCode(spin, code) {
    spin.setAttribute("aria-valuenow", String(code));
    spin.textContent = String(code);
  }

  // An answer shows the tokens of its own press; those pressed since then stay as they were typed.
  function keepTyped(part) {
    for (const { do: what, position, code } of window.lapaPress.pending()) {
      const spin = what === "token" && part.querySelector(`.spin[data-position="${CSS.escape(position)}"]`);
      if (spin) showCode(spin, code);
    }
  }

  // With more than ten codes, digits typed quickly after each other are one number.
  function typed(digit, key, codes) {
    const isNext = digits.key === key && performance.now() - digits.at < DIGITS_MS;
    const longer = (isNext ? digits.text : "") + digit;
    digits = { text: Number(longer) < codes ? longer : digit, at: performance.now(), key };
    return Number(digits.text);
  }

  // A picture of the sheet is already the answer to pressing it: show it while Python makes the rest.
  function previewCell(cell) {
    const large = document.querySelector("#decoded .main img"), small = cell.querySelector("img");
    if (large && small && !cell.closest(".diff")) large.src = small.src;
  }

  // what listens

  document.addEventListener("lapa-shown", ({ target }) => {
    const part = target.closest(OWN);
    if (!part) return;
    if (part.id === "ribbon") ribbonShown(part);
    if (part.id === "decoded") keepTyped(part);
    part.querySelectorAll(".lae-compare").forEach(compareShown);
    if (!focused || focused.part !== part.id || document.activeElement !== document.body) return;
    part.querySelector(`[data-key="${CSS.escape(focused.key)}"]`)?.focus({ preventScroll: true });
  });

  document.addEventListener("focusin", ({ target }) => {
    const key = target.closest("[data-key]")?.dataset.key, part = target.closest(OWN);
    focused = key && part ? { part: part.id, key } : null;
  });

  document.addEventListener("pointerdown", (press) => {
    if (!press.target.closest("[data-key]")) focused = null;
    pressed(press);
    dragWipe(press);
  });

  document.addEventListener("click", ({ target }) => {
    const choice = target.closest("[data-compare]"), blink = target.closest("[data-blink]");
    if (choice) compared.names = choice.dataset.compare;
    if (blink) compared.blink = !compared.blink;
    if (choice || blink) compareShown(target.closest(".lae-compare"));
    const cell = target.closest(".sheet-cell");
    if (cell) previewCell(cell);
    const still = target.closest("[data-still]");
    if (still) stillPictures(!document.querySelector("#content").classList.contains("still-pictures"));
  });

  function stillPictures(isStill) {
    // not on the body: Gradio puts its own container before every selector of ours
    document.querySelector("#content").classList.toggle("still-pictures", isStill);
    document.querySelectorAll("[data-still]").forEach((button) => {
      button.setAttribute("aria-pressed", String(isStill));
      button.textContent = isStill ? "Let the pictures move" : "Stop the pictures";
    });
  }

  document.addEventListener("input", ({ target }) => {
    if (target.matches("[data-wipe]")) wipeTo(target.closest(".lae-compare"), Number(target.value));
  });

  document.addEventListener("keydown", (key) => {
    if (key.ctrlKey || key.metaKey || key.altKey) return;
    if (key.target.id === "ribbon") return void scrubKey(key);
    const spin = key.target.closest("[data-token-editor] .spin");
    if (spin) spinKey(key, spin);
  });

  document.addEventListener("paste", (paste) => {
    const editor = paste.target.closest?.("[data-token-editor]");
    const text = paste.clipboardData?.getData("text").trim();
    if (!editor || !text) return;
    paste.preventDefault();
    act(editor, { do: "tokens", tokens: text.slice(0, 200) });
  });
})();
