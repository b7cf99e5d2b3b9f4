// Presses reach Python one at a time, in the order in which they were made: each waits for the answer to the one before,
// so the selection it changes is the newest. Gradio by itself would run two at once, or answer the second with the
// first's data. A press that says where to go ("jump", "token", ...) takes the place of one like it that still waits;
// every other press counts. An answer is known by the ticket that the press carried (viz/tabs/page.py).
(() => {
  "use strict";
  const PATIENCE_MS = 15000; // then the next one goes anyway: an answer may be lost with the connection
  const REPLACED = new Set(["clip", "jump", "row", "seen", "tab", "token", "tokens", "point", "lasso"]);
  const waiting = [];
  let sent = null, patience = 0, count = 0;

  const isLike = (one, other) => one.trigger === other.trigger && one.event === other.event
    && one.data.do === other.data.do && one.data.position === other.data.position;

  // Return what stands for a part's own `trigger`.
  function inOrder(trigger) {
    return (event, data) => {
      const press = { trigger, event, data: { ...data, ticket: String(++count) } };
      const like = REPLACED.has(data.do || event) ? waiting.findIndex((other) => isLike(press, other)) : -1;
      if (like >= 0) waiting.splice(like, 1);
      waiting.push(press);
      sendNext();
    };
  }

  function sendNext() {
    if (sent || !waiting.length) return;
    sent = waiting.shift();
    patience = setTimeout(() => answered(sent.data.ticket), PATIENCE_MS);
    sent.trigger(sent.event, sent.data);
  }

  function answered(ticket) {
    if (!sent || ticket !== sent.data.ticket) return;
    clearTimeout(patience);
    sent = null;
    sendNext();
  }

  // Return the data of the presses that are not answered yet, the oldest first.
  const pending = () => [sent, ...waiting].filter(Boolean).map(({ data }) => data);

  window.lapaPress = { inOrder, answered, pending };
})();
