// Dream: arrow keys that wait their turn, a film that plays, and a focus that survives when a part is drawn again.
// app.js says with a "lapa-shown" event that a part has a new value.
(() => {
  "use strict";
  const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
  const MOST_WAITING = 8, PATIENCE_MS = 15000, FRAME_MS = 250;
  const OWN_ARROWS = "input, textarea, select, [contenteditable], [role=listbox], [role=tab], [role=radio], [data-editor]";
  const waiting = [];
  let sentAt = 0; // when the press was sent that is not answered yet, or 0
  let focused = null; // {part, key} of what had the focus last
  let playing = 0;

  const seen = (selector) => {
    const found = document.querySelector(selector);
    return found && found.offsetParent !== null ? found : null;
  };

  // steering: one step at a time, in the order of the presses; a held key never runs ahead of what is shown

  function steer(key) {
    if (!seen("[data-pad]")) return;
    key.preventDefault();
    if (key.repeat && (waiting.length || isSent())) return;
    if (waiting.length < MOST_WAITING) waiting.push(ARROWS[key.key]);
    sendNext();
  }

  const isSent = () => sentAt && performance.now() - sentAt < PATIENCE_MS;

  function sendNext() {
    if (!isSent() && waiting.length) {
      const arrow = seen(`[data-pad] [data-arrow="${waiting.shift()}"]`);
      if (!arrow) return void (waiting.length = 0);
      sentAt = performance.now();
      arrow.click();
    }
    const count = document.querySelector("[data-waiting]");
    if (count) count.textContent = waiting.length ? `${waiting.length} waiting` : "";
  }

  // the film

  const cells = () => [...document.querySelectorAll("#stage .film-row:first-child .film-cells > *")];

  function stepThrough(by) {
    const all = cells(), now = all.findIndex((cell) => cell.getAttribute("aria-current"));
    all[Math.min(Math.max(now + by, 0), all.length - 1)]?.click();
  }

  function play(button) {
    if (playing) return void endPlay();
    const large = document.querySelector("#stage .stage img");
    const images = cells().map((cell) => cell.querySelector("img")).filter(Boolean);
    if (!large || images.length < 2) return;
    const still = large.src;
    let i = 0;
    const show = () => {
      if (i === images.length) return void endPlay(still);
      images.forEach((image, at) => image.parentElement.toggleAttribute("data-on", at === i));
      large.src = images[i].src;
      large.dataset.frame = String(i);
      i += 1;
    };
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop film";
    show();
    playing = setInterval(show, FRAME_MS);
  }

  function endPlay(still) {
    clearInterval(playing);
    playing = 0;
    document.querySelectorAll("#stage [data-on]").forEach((cell) => cell.removeAttribute("data-on"));
    const button = document.querySelector("[data-film-play]"), large = document.querySelector("#stage .stage img");
    if (button) [button.textContent, button.ariaPressed] = ["Play film", "false"];
    const shown = document.querySelector("#stage .film-row:first-child [aria-current] img");
    if (large) {
      large.src = still || shown?.src || large.src;
      delete large.dataset.frame;
    }
  }

  function intoSight(part) {
    const row = part.querySelector(".film-rows"), cell = row?.querySelector("[aria-current]");
    if (!cell) return;
    const outer = row.getBoundingClientRect(), inner = cell.getBoundingClientRect();
    if (inner.right > outer.right) row.scrollLeft += inner.right - outer.right + 12;
    else if (inner.left < outer.left) row.scrollLeft -= outer.left - inner.left + 12;
  }

  function say(part) {
    let region = document.querySelector("#dream-said");
    if (!region) {
      region = Object.assign(document.createElement("div"), { id: "dream-said", className: "sr-only" });
      region.setAttribute("role", "status");
      document.body.append(region);
    }
    const text = part.querySelector("[data-said]")?.dataset.said || "";
    if (part.offsetParent !== null && region.textContent !== text) region.textContent = text;
  }

  // after a part was drawn again

  function refocus(part) {
    if (!focused || focused.part !== part.id || document.activeElement !== document.body) return;
    part.querySelector(`[data-focus="${CSS.escape(focused.key)}"]`)?.focus({ preventScroll: true });
  }

  // A part's new value is known before it stands in the page: wait until its stamp is another one.
  const stamps = {};
  function whenDrawn(part, tries = 200) {
    const stamp = part.querySelector("[data-revision]")?.dataset.revision;
    if (stamp === stamps[part.id] && tries) return void setTimeout(() => whenDrawn(part, tries - 1), 16);
    stamps[part.id] = stamp;
    drawn(part);
  }

  document.addEventListener("lapa-shown", ({ target }) => {
    const part = target.closest("#stage, #tree, #expected, #compared");
    if (part) return void whenDrawn(part);
    if (!target.closest("#banner")) return;
    setTimeout(() => {
      if (target.querySelector(".banner")) waiting.length = sentAt = 0;
    }, 50);
  });

  function drawn(own) {
    refocus(own);
    if (own.id === "stage") {
      if (playing) endPlay();
      intoSight(own);
      say(own);
    }
    if (own.id === "expected") {
      sentAt = 0;
      sendNext();
    }
  }

  document.addEventListener("focusin", ({ target }) => {
    const key = target.closest("[data-focus]")?.dataset.focus, part = target.closest("#stage, #tree, #expected, #compared");
    focused = key && part ? { part: part.id, key } : null;
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-film-play]");
    if (button) play(button);
  });

  document.addEventListener("keydown", (key) => {
    if (key.ctrlKey || key.metaKey || key.altKey || key.target.closest(OWN_ARROWS)) return;
    if (key.key in ARROWS) return void steer(key);
    if (!seen("#stage .films")) return;
    if (key.key === ",") stepThrough(-1);
    else if (key.key === ".") stepThrough(1);
    else if (key.key.toLowerCase() === "p" && !key.repeat) document.querySelector("[data-film-play]")?.click();
  });
})();
