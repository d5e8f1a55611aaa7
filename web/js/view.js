// The transcript on the screen: finished sentences are appended, the interim one is replaced in place. Data enters the DOM as text only.

import { text as words } from './i18n.js';

const $ = (id) => document.getElementById(id);
const transcript = $('transcript');
const finals = $('finals');
const interim = $('interim');
const latest = $('latest');

// The reader who scrolled away is left alone; one who is at the end stays at the end.
const AT_END_PX = 48;
let following = true;

const atEnd = () => transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight < AT_END_PX;

function follow() {
  if (following) transcript.scrollTop = transcript.scrollHeight;
  latest.hidden = following;
}

transcript.addEventListener('scroll', () => {
  following = atEnd();
  latest.hidden = following;
}, { passive: true });

latest.addEventListener('click', () => {
  following = true;
  follow();
  transcript.focus({ preventScroll: true });
});

export function clockText(ms) {
  const s = Math.floor(ms / 1000);
  const two = (n) => String(n).padStart(2, '0');
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

function setTime(node, ms) {
  node.textContent = clockText(ms);
  node.dateTime = `PT${(ms / 1000).toFixed(3)}S`;
}

export function addFinal({ id, startMs, endMs, text }) {
  const item = document.createElement('li');
  item.className = 'segment new';
  Object.assign(item.dataset, { id, startMs, endMs });
  item.tabIndex = -1;
  const time = document.createElement('time');
  setTime(time, startMs);
  const span = document.createElement('span');
  span.textContent = text;
  item.append(time, span);
  finals.append(item);
  $('empty').hidden = true;
  follow();
}

/** Shows the sentence that was said at this moment and marks it; false: there is none. */
export function showMoment(ms) {
  const item = [...finals.children].findLast((li) => Number(li.dataset.startMs) <= ms);
  if (!item) return false;
  for (const other of finals.querySelectorAll('.cited')) other.classList.remove('cited');
  item.classList.add('cited');
  following = false;
  item.scrollIntoView({ block: 'center', behavior: 'instant' });
  item.focus({ preventScroll: true });
  latest.hidden = atEnd();
  return true;
}

/** stable + rest is the text as it reads now; rest may still change. Empty text hides it. */
export function setInterim({ startMs, stable, rest }) {
  interim.hidden = !(stable || rest);
  if (!interim.hidden) {
    setTime(interim.querySelector('time'), startMs);
    interim.querySelector('b').textContent = stable;
    interim.querySelector('em').textContent = rest;
    $('empty').hidden = true;
  }
  follow();
}

export function clearInterim() {
  setInterim({ startMs: 0, stable: '', rest: '' });
}

export function clear() {
  finals.replaceChildren();
  clearInterim();
  $('empty').hidden = false;
  following = true;
  follow();
}

export function showNotice(message, action) {
  const notice = $('notice');
  notice.querySelector('p').textContent = message;
  const button = notice.querySelector('button');
  button.hidden = !action;
  button.onclick = action ? () => { hideNotice(); action.run(); } : null;
  button.textContent = action ? action.label : '';
  notice.hidden = false;
}

export function hideNotice() {
  $('notice').hidden = true;
}

/** False: the browser refused, and the reader was told. */
export async function copyText(content) {
  try {
    await navigator.clipboard.writeText(content); // there is no clipboard at all on a page without TLS
  } catch {
    showNotice(words('copy_failed'));
    return false;
  }
  return true;
}

export function setLevel(fraction) {
  const percent = Math.round(Math.min(1, fraction) * 100);
  $('meter').style.setProperty('--level', `${percent}%`);
  $('meter').setAttribute('aria-valuenow', percent);
}
