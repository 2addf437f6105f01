// The buyer's page with JavaScript: nothing reloads, and the server stays the one that decides.
// Without this file the page works too: its form is posted, and cards are entered at the provider.

const SAVE_AFTER_MS = 350;
const ANSWER_WITHIN_MS = 30000;
const READY_WITHIN_MS = 15000;
const POLL_MS = 1000;
const GIVE_UP_FOLLOWING_MS = 20000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const find = (selector, within = document) => within.querySelector(selector);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isPaying = ({ status, stage }) => (status === "PROCESSING" || status === "AWAITING_ACTION") && stage !== "paid";
// A random key; crypto.randomUUID would need https.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

class Refused extends Error {
  constructor(status, body) {
    super(body.detail || `status ${status}`);
    this.status = status;
    this.code = body.code;
    this.param = body.param;
  }
}
class Unreachable extends Error {}

async function call(method, path, { secret, body, key } = {}) {
  const headers = { accept: "application/json" };
  if (secret) headers.authorization = `Bearer ${secret}`;
  if (body) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } catch {
    throw new Unreachable();
  }
  if (answer.status === 204) return null;
  const text = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, text);
  return text;
}

// The status of the session whose page is at `path`; the browser's cookie is the proof.
const statusOf = (path) => call("GET", `${path}/live`).catch(() => null);

// Calls `hear` with each status of a session until it returns true: by server-sent events, or by polling if those fail.
function follow(path, hear) {
  const source = new EventSource(`${path}/live`);
  let done = false;
  const stop = () => { done = true; source.close(); };
  const tell = (news) => { if (!done && hear(news)) stop(); };
  const poll = async () => {
    while (!done) {
      const news = await statusOf(path);
      if (news) tell(news);
      await wait(POLL_MS);
    }
  };
  source.onmessage = (message) => tell(JSON.parse(message.data));
  source.onerror = () => { if (source.readyState === EventSource.CLOSED && !done) poll(); };
  return stop;
}

function loadScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => { script.remove(); reject(new Unreachable()); };
    document.head.append(script);
  });
}

// How each provider's card fields are used. `mount` gives { focus, validate, confirm }; `confirm` gives a status: succeeded,
// processing, requires_action (with next_action.url), declined, invalid (something is to be mended, and is shown) or unknown.
const colours = () => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { text: colour("--ink"), muted: colour("--soft"), background: colour("--paper"), border: colour("--edge"), accent: colour("--accent"), error: colour("--bad") };
};
const providers = {
  simulator: {
    async mount(slot, { key, locale, direction }) {
      const fields = window.CheckieSimulator.mount(slot, { publishableKey: key, locale, dir: direction, style: { ...colours(), radius: "8px" } });
      await Promise.race([new Promise((resolve) => fields.on("ready", resolve)), wait(READY_WITHIN_MS).then(() => { throw new Unreachable(); })]);
      return {
        focus: () => fields.focus(),
        validate: () => fields.validate(),
        confirm: (provider) => fields.confirm({ confirmUrl: provider.confirm_url, clientSecret: provider.client_secret }),
      };
    },
  },
  stripe: {
    async mount(slot, { key, locale, email }) {
      const stripe = window.Stripe(key);
      const { text, muted, error } = colours();
      const style = { base: { fontSize: "16px", color: text, "::placeholder": { color: muted } }, invalid: { color: error } };
      const card = stripe.elements({ locale }).create("card", { hidePostalCode: true, style });
      const tell = (message) => { find("#card-error").textContent = message || ""; };
      let flaw = "";
      slot.replaceChildren();
      slot.classList.add("stripe");
      card.mount(slot);
      card.on("change", ({ error: wrong } = {}) => tell(flaw = wrong ? wrong.message : ""));
      return {
        focus: () => card.focus(),
        validate: async () => ({ valid: !flaw }),
        async confirm(provider, returnUrl) {
          const payment_method = { card, billing_details: { email: email() } };
          const { error: failure, paymentIntent } = await stripe.confirmCardPayment(provider.client_secret, { payment_method, return_url: returnUrl });
          if (!failure) return { status: paymentIntent.status };
          if (failure.type === "validation_error") tell(failure.message);
          return { status: { validation_error: "invalid", api_connection_error: "unknown", api_error: "unknown" }[failure.type] || "declined" };
        },
      };
    },
  },
};

class Checkout {
  constructor(form) {
    this.form = form;
    this.facts = form.dataset;
    this.words = JSON.parse(form.dataset.words);
    this.path = new URL(form.action).pathname;
    this.email = form.elements.email;
    this.quantity = form.elements.quantity;
    this.amount = form.elements.amount;
    this.button = find("#pay");
    this.slot = find("#card");
    this.draft = `checkie:${this.path}`;
    this.saved = this.typed();
    this.saving = Promise.resolve();
    this.isBusy = false;
    this.isKept = false;
    this.payText = this.button.textContent.trim();
    const locale = document.documentElement.lang;
    const options = { style: "currency", currency: this.facts.currency, minimumFractionDigits: this.places, maximumFractionDigits: this.places, numberingSystem: "latn" };
    try { this.format = new Intl.NumberFormat(locale, options); } catch { this.format = null; }
  }

  get places() { return Number(this.facts.places); }
  get session() { return this.form.elements.session.value; }
  get secret() { return this.form.elements.secret.value; }
  get here() { return `${this.path}/${this.session}`; }

  start() {
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.pay(); });
    this.form.addEventListener("focusin", () => this.loadCard(), { once: true });
    this.form.addEventListener("pointerdown", () => this.loadCard(), { once: true });
    find("#card-open").addEventListener("click", () => this.openCard());
    for (const input of this.inputs()) {
      input.addEventListener("input", () => this.typing(input));
      input.addEventListener("change", () => this.leave(input));
      input.addEventListener("blur", () => this.leave(input));
    }
    for (const step of document.querySelectorAll(".step")) {
      step.addEventListener("click", () => this.step(Number(step.dataset.step)));
    }
    addEventListener("pageshow", (event) => { if (event.persisted) { this.free(); this.refresh(); } });
    addEventListener("online", () => { if (find("#offline")) { this.clearNotices(); this.save(); } });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.refresh(); });
    const expires_ms = Number(this.facts.expires) * 1000;
    if (expires_ms < LONGEST_TIMER_MS) setTimeout(() => this.expired(), expires_ms);
    this.restore();
    this.showTotal();
    find("#notice")?.focus();
  }

  inputs() { return [this.email, this.quantity, this.amount].filter(Boolean); }
  typed() { return { email: this.email.value.trim(), quantity: this.quantity?.value, amount: this.amount?.value }; }

  // ---- what is typed

  typing(input) {
    if (input.getAttribute("aria-invalid") === "true") this.check(input);
    this.remember();
    if (input !== this.email) this.changed();
  }

  leave(input) {
    if (input.value.trim() || input.getAttribute("aria-invalid") === "true") this.check(input);
    this.save();
  }

  step(by) {
    const max = Number(this.quantity.dataset.max);
    this.quantity.value = Math.min(max, Math.max(1, (this.wholeNumber() || 1) + by));
    this.check(this.quantity);
    this.remember();
    this.changed();
  }

  // The total follows at once; the server hears of it when typing pauses.
  changed() {
    this.showTotal();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  wholeNumber() {
    const digits = this.quantity ? asciiDigits(this.quantity.value).trim() : "1";
    return /^\d{1,6}$/.test(digits) ? Number(digits) : null;
  }

  unit() { return this.amount ? minorUnits(this.amount.value, this.places, this.facts.mark) : Number(this.facts.each); }

  flaw(input) {
    if (input === this.email) {
      if (!input.value.trim()) return this.words.email_missing;
      return /^[^\s@]+@[^\s@]+\.[^\s@.]{2,}$/.test(input.value.trim()) ? "" : this.words.email_invalid;
    }
    if (input === this.quantity) {
      const count = this.wholeNumber();
      return count !== null && count >= 1 && count <= Number(input.dataset.max) ? "" : this.words.quantity_out_of_range;
    }
    const unit = this.unit();
    if (unit === null) return this.words.amount_unreadable;
    return unit >= Number(this.facts.min) && unit <= Number(this.facts.max) ? "" : this.words.amount_out_of_range;
  }

  check(input) { return this.mark(input, this.flaw(input)); }

  mark(input, text) {
    if (text) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
    find(`#${input.name}-error`).textContent = text;
    return !text;
  }

  money(minor) {
    const value = minor / 10 ** this.places;
    if (!this.format) return `${value.toFixed(this.places)} ${this.facts.currency}`;
    // A left-to-right mark keeps a currency's sign with its letters in right-to-left text.
    return this.format.format(value).replace(/^(\u200f.*\$)$/, "$1\u200e");
  }

  // `minor` is the server's word; without it the total is reckoned from what is typed. At first the page shows it already.
  showTotal(minor) {
    const [count, unit] = [this.wholeNumber(), this.unit()];
    for (const step of document.querySelectorAll(".step")) {
      step.setAttribute("aria-disabled", step.dataset.step < 0 ? count <= 1 : count >= Number(this.quantity.dataset.max));
    }
    if (minor === undefined && (count === null || unit === null)) return;
    const [before, after] = [this.total, this.money(minor ?? count * unit)];
    this.total = after;
    if (!before || before === after) return;
    for (const place of document.querySelectorAll("[data-total]")) place.textContent = after;
    if (find("#count")) find("#count").textContent = count;
    if (find("#each")) find("#each").textContent = this.money(unit);
    this.payText = fill(this.words.pay, after);
    if (!this.isBusy) this.label(this.payText);
    this.say(fill(this.words.total, after));
  }

  // ---- keeping it

  remember() {
    try { sessionStorage.setItem(this.draft, JSON.stringify(this.typed())); } catch { /* storage may be forbidden */ }
  }

  restore() {
    let draft = null;
    try { draft = JSON.parse(sessionStorage.getItem(this.draft)); } catch { return; }
    if (!draft) return;
    const isFresh = !this.email.value;
    for (const input of this.inputs()) if (draft[input.name] && (isFresh || input === this.email)) input.value = draft[input.name];
    if (JSON.stringify(this.typed()) !== JSON.stringify(this.saved)) this.save();
  }

  // A page that was fetched ahead by a machine comes without a session.
  async open() {
    if (this.session) return;
    const opened = await call("GET", `/api/widget/pages${this.path}`);
    this.form.elements.session.value = opened.session.id;
    this.form.elements.secret.value = opened.session.client_secret;
  }

  // The browser holds the session from the first thing typed, not before.
  async keep() {
    if (this.isKept) return;
    const locale = this.form.elements.locale?.value;
    await call("POST", this.here + (locale ? `?locale=${locale}` : ""), { secret: this.secret });
    this.isKept = true;
  }

  // Sends what has changed and is well formed. One at a time, in order; gives whether all is saved.
  save() {
    clearTimeout(this.timer);
    this.saving = this.saving.then(() => this.send()).catch((error) => this.failed(error));
    return this.saving;
  }

  async send() {
    const [now, body] = [this.typed(), {}];
    if (now.email !== this.saved.email && now.email && !this.flaw(this.email)) body.email = now.email;
    if (this.quantity && now.quantity !== this.saved.quantity && !this.flaw(this.quantity)) body.quantity = this.wholeNumber();
    if (this.amount && now.amount !== this.saved.amount && !this.flaw(this.amount)) body.amount = this.unit();
    if (!Object.keys(body).length) return true;
    await this.open();
    const [session] = await Promise.all([call("PATCH", `/api/widget/sessions/${this.session}`, { secret: this.secret, body }), this.keep()]);
    for (const name of Object.keys(body)) this.saved[name] = now[name];
    if (JSON.stringify(this.typed()) === JSON.stringify(now)) this.showTotal(session.quote.total.amount);
    return true;
  }

  // ---- the card

  loadCard() {
    this.card ||= this.mountCard().catch(() => {
      this.card = null;
      this.cardMissing();
      return null;
    });
    return this.card;
  }

  async mountCard() {
    const provider = providers[this.facts.provider];
    this.slot.setAttribute("aria-busy", "true");
    await loadScript(this.facts.script);
    const isWaitedFor = document.activeElement === find("#card-open");
    const { lang: locale, dir: direction } = document.documentElement;
    const card = await provider.mount(this.slot, { key: this.facts.key, locale, direction, email: () => this.email.value.trim() });
    this.slot.removeAttribute("aria-busy");
    // Not before: what is being pressed just now must neither go nor move.
    find("#card-error").textContent = "";
    this.otherWay?.remove();
    if (isWaitedFor || this.slot.contains(document.activeElement)) card.focus();
    return card;
  }

  async openCard() { (await this.loadCard())?.focus(); }

  cardMissing() {
    this.slot.removeAttribute("aria-busy");
    find("#card-error").textContent = this.words.card_missing;
    if (this.otherWay?.isConnected) return;
    this.otherWay = document.createElement("button");
    this.otherWay.className = "button second";
    this.otherWay.type = "button";
    this.otherWay.textContent = this.words.hosted;
    this.otherWay.addEventListener("click", () => this.form.submit());
    find("#card-field").append(this.otherWay);
  }

  // ---- paying

  async pay() {
    if (this.isBusy) return;
    const wrong = this.inputs().filter((input) => !this.check(input));
    if (wrong.length) { wrong[0].focus(); return; }
    this.busy(this.words.paying);
    try {
      await this.payNow();
    } catch (error) {
      this.free();
      this.failed(error);
    }
  }

  async payNow() {
    this.clearNotices();
    const card = await this.loadCard();
    if (!card) { this.free(); return; }
    if (!(await card.validate()).valid) { this.free(); return; }
    await this.saving;
    await this.send();
    await this.keep();
    const { provider } = await call("POST", "/api/widget/checkout", { secret: this.secret, key: newKey(), body: { session_id: this.session } });
    if (!provider.client_secret) { this.goOn(); return; }
    this.busy(this.words.confirming);
    const result = await card.confirm(provider, new URL(this.here, location.href).href);
    if (result.status === "requires_action" && result.next_action) location.assign(result.next_action.url);
    else if (result.status === "invalid") this.free();
    else if (["succeeded", "declined", "processing"].includes(result.status)) this.awaitNews();
    else this.goOn();
  }

  // The provider has answered the browser; what counts is what it tells the server, which comes a moment later.
  awaitNews() {
    const stop = follow(this.here, (news) => {
      if (isPaying(news) && news.stage !== "waiting") return false;
      if (news.status === "OPEN") this.declined(); else this.goOn();
      return true;
    });
    setTimeout(() => { stop(); if (this.isBusy) this.goOn(); }, GIVE_UP_FOLLOWING_MS);
  }

  // The words for it are the server's: the same that the page shows without JavaScript.
  async declined() {
    const html = await fetch(this.here).then((answer) => answer.text()).catch(() => "");
    const notice = find("#notice", new DOMParser().parseFromString(html, "text/html"));
    if (!notice) { this.goOn(); return; }
    this.free();
    find("#notices").replaceChildren(document.adoptNode(notice));
    find("#notice").focus();
  }

  goOn() { location.replace(this.here); }

  busy(text) {
    this.isBusy = true;
    this.button.setAttribute("aria-disabled", "true");
    this.button.setAttribute("aria-busy", "true");
    this.label(text);
    this.say(text);
  }

  free() {
    this.isBusy = false;
    this.button.removeAttribute("aria-disabled");
    this.button.removeAttribute("aria-busy");
    this.label(this.payText);
  }

  label(text) { find(".button-text", this.button).textContent = text; }
  say(text) { find("#announce").textContent = text; }

  // ---- when things go wrong, or happened elsewhere

  failed(error) {
    if (error instanceof Unreachable) { this.notify("offline", this.words.offline, this.words.kept); return false; }
    const input = error instanceof Refused && this.inputs().find(({ name }) => name === error.param);
    if (input) { this.mark(input, this.words[error.code] || error.message); return false; }
    if (error instanceof Refused && error.status === 409) { this.keep().catch(() => null).then(() => this.goOn()); return false; }
    if (error instanceof Refused && [401, 404].includes(error.status)) { location.replace(this.path); return false; }
    this.notify("failed", this.words.failed, this.words.failed_kept);
    return false;
  }

  expired() {
    if (this.isBusy) return;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button second";
    again.textContent = this.words.again;
    again.addEventListener("click", () => location.replace(this.path)); // what was typed is in the draft
    this.notify("expired", this.words.expired, this.words.expired_kept, again);
  }

  notify(id, title, text, act) {
    const notice = document.createElement("div");
    const [words, first, second] = ["div", "p", "p"].map((name) => document.createElement(name));
    notice.id = id;
    notice.className = "notice warn";
    notice.setAttribute("role", "alert");
    first.className = "notice-title";
    first.textContent = title;
    second.textContent = text;
    words.append(first, second);
    if (act) words.append(act);
    notice.append(words);
    find("#notices").replaceChildren(notice);
  }

  clearNotices() { find("#notices").replaceChildren(); }

  // Another tab, the way back from the bank, or time may have moved the session on.
  async refresh() {
    if (!this.session || this.isBusy) return;
    const session = await call("GET", `/api/widget/sessions/${this.session}`, { secret: this.secret }).catch(() => null);
    if (!session) return;
    if (session.status !== "OPEN") {
      await this.keep().catch(() => null);
      location.replace(this.here);
      return;
    }
    this.adopt(session);
  }

  // What another tab saved shows here too, unless something else is being typed here.
  adopt(session) {
    if (JSON.stringify(this.typed()) !== JSON.stringify(this.saved)) return;
    if (session.email) this.email.value = session.email;
    if (this.quantity) this.quantity.value = session.quantity;
    this.saved = this.typed();
    this.showTotal(session.quote.total.amount);
  }
}

const fill = (words, amount) => words.replace("%(amount)s", () => amount); // a function: an amount has a $ in it
const asciiDigits = (text) => text.normalize("NFKC").replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (sign) => sign.charCodeAt(0) & 15);

// The same rules as formats.parse_amount on the server.
function minorUnits(text, places, mark) {
  const typed = asciiDigits(text).replace(/[\s'’$€£¥]/g, "").replace(/٫/g, ".").replace(/٬/g, ",");
  const at = Math.max(typed.lastIndexOf("."), typed.lastIndexOf(","));
  let [head, tail] = at < 0 ? [typed, ""] : [typed.slice(0, at), typed.slice(at + 1)];
  if (tail.length === 3 && (places < 3 || typed[at] !== mark)) [head, tail] = [head + tail, ""];
  const whole = head.replace(/[.,]/g, "");
  if (!/^\d+$/.test(whole + tail) || tail.length > places) return null;
  return Number((whole || "0") + tail.padEnd(places, "0"));
}

function forget(draft) {
  try { sessionStorage.removeItem(draft); } catch { /* storage may be forbidden */ }
}

// ---- the page of a session

function watch(state) {
  const [path, { stage }] = [location.pathname, state.dataset];
  const page = path.slice(0, path.lastIndexOf("/"));
  const take = (current) => {
    const isChanged = current !== null && current.stage !== stage;
    if (isChanged) location.reload();
    return isChanged;
  };
  const look = () => statusOf(path).then(take);
  if (stage === "paid") forget(`checkie:${page}`);
  if ("live" in state.dataset) follow(path, take);
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  for (const time of document.querySelectorAll("time")) {
    const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short", numberingSystem: "latn" });
    time.textContent = format.format(new Date(time.dateTime));
  }
  find("#print")?.addEventListener("click", () => window.print());
}

const form = find("#checkout");
const state = find("[data-stage]");
if (form) new Checkout(form).start();
if (state) watch(state);
