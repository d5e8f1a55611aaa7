// A source in a window of its own: its passage at once, and then where it stands in the whole material.

import { chatErrorText } from './chat.js';
import { text } from './i18n.js';
import { clockText } from './view.js';

const $ = (id) => document.getElementById(id);
const NOT_FOUND = 5;
let shown = 0; // windows so far; what comes for an earlier one is late

/** What stands before and after the passage, or null if it does not stand there: begin and end count bytes. */
function around(whole, { begin, end, before, mark, after }) {
  const bytes = new TextEncoder().encode(whole);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const cut = (from, to) => decoder.decode(bytes.subarray(from, to));
  return cut(begin, end) === before + mark + after ? [cut(0, begin), cut(end)] : null;
}

function show(passage, [above, below]) {
  const [first, place, last] = $('passage-text').children;
  const [before, mark, after] = place.children;
  first.textContent = above;
  before.textContent = passage.before;
  mark.textContent = passage.mark;
  after.textContent = passage.after;
  last.textContent = below;
  place.classList.toggle('within', above + below !== '');
  (passage.mark ? mark : place).scrollIntoView({ block: 'center' });
}

/** passage: as chat.passage() tells it. from: what gets the focus back. */
export async function showPassage(client, passage, from) {
  const number = ++shown;
  const status = $('passage-status');
  $('passage-title').textContent = passage.title || text('chat_live');
  $('passage-heading').textContent = passage.heading;
  $('passage-time').textContent = passage.startMs >= 0 ? text('passage_at', { time: clockText(passage.startMs) }) : '';
  status.textContent = passage.materialId ? text('loading') : '';
  $('passage-dialog').returnTo = from;
  $('passage-dialog').showModal();
  show(passage, ['', '']);
  $('passage-text').children[1].focus({ preventScroll: true }); // where reading begins; the arrow keys scroll from there
  if (!passage.materialId) return; // it was said on this page, and nobody keeps more of it
  let said = '';
  let place = null;
  try {
    const material = await client.call('ponte.chatbot.v1.ChatbotService/GetMaterial', { materialId: passage.materialId });
    place = around(material.text ?? '', passage);
    if (!place) said = text('passage_changed');
  } catch (error) {
    said = error.code === NOT_FOUND ? text('passage_gone') : text('passage_alone', { why: chatErrorText(error) });
  }
  if (number !== shown) return;
  status.textContent = said;
  if (place) show(passage, place);
}
