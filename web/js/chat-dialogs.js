// The chat's two lists: earlier conversations, and the material that answers rest on. Each is asked of the service when it is opened.

import { chatErrorText } from './chat.js';
import { text } from './i18n.js';
import { clockText } from './view.js';

const $ = (id) => document.getElementById(id);
const SERVICE = 'ponte.chatbot.v1.ChatbotService';
const PAGE = 50;
const MATERIAL_MAX_BYTES = 1024 * 1024;
const formats = { md: 'MATERIAL_FORMAT_MARKDOWN', markdown: 'MATERIAL_FORMAT_MARKDOWN', txt: 'MATERIAL_FORMAT_TEXT', srt: 'MATERIAL_FORMAT_SRT', vtt: 'MATERIAL_FORMAT_VTT' };

function row(title, detail, { open, remove, removeLabel, current }) {
  const item = document.createElement('li');
  const main = document.createElement(open ? 'button' : 'div');
  const name = document.createElement('span');
  const small = document.createElement('small');
  name.textContent = title;
  small.textContent = detail;
  main.className = 'row';
  main.append(name, small);
  if (open) {
    main.type = 'button';
    main.addEventListener('click', open);
    if (current) main.setAttribute('aria-current', 'true');
  }
  item.append(main);
  if (remove) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'icon remove';
    button.setAttribute('aria-label', removeLabel);
    button.title = removeLabel;
    button.textContent = '✕';
    button.addEventListener('click', () => remove(item));
    item.append(button);
  }
  return item;
}

/** The focus goes to the row that takes its place, or to the dialog. */
function removeRow(item) {
  const next = item.nextElementSibling ?? item.previousElementSibling;
  const dialog = item.closest('dialog');
  item.remove();
  (next?.querySelector('.remove') ?? dialog.querySelector('[data-close]')).focus();
}

/** What is said of a list that has become empty. */
const noneLeft = (prefix) => ($(`${prefix}-list`).children.length === 0 && $(`${prefix}-more`).hidden ? text(`${prefix}_empty`) : '');

/** Fills a list page by page: rowOf(entry) for each of the answer's `field`. */
function fill(prefix, client, method, field, rowOf) {
  const list = $(`${prefix}-list`);
  const status = $(`${prefix}-status`);
  const more = $(`${prefix}-more`);
  const load = async (pageToken) => {
    more.hidden = true;
    status.textContent = text('loading');
    try {
      const answer = await client.call(`${SERVICE}/${method}`, { pageSize: PAGE, pageToken });
      if (!pageToken) list.replaceChildren();
      list.append(...(answer[field] ?? []).map(rowOf));
      status.textContent = list.children.length ? '' : text(`${prefix}_empty`);
      more.hidden = !answer.nextPageToken;
      more.onclick = () => load(answer.nextPageToken);
    } catch (error) {
      status.textContent = chatErrorText(error);
    }
  };
  list.replaceChildren();
  return load('');
}

// -- conversations

export function openHistory(client, { current, open, locale }) {
  const dialog = $('history-dialog');
  const when = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const remove = async (conversationId, item) => {
    if (!window.confirm(text('history_confirm'))) return;
    try {
      await client.call(`${SERVICE}/DeleteConversation`, { conversationId, idempotencyKey: crypto.randomUUID() });
      removeRow(item);
      $('history-status').textContent = noneLeft('history');
      if (conversationId === current) open('');
    } catch (error) {
      $('history-status').textContent = chatErrorText(error);
    }
  };
  fill('history', client, 'ListConversations', 'conversations', ({ conversationId, title, updateTime }) => row(title || text('history_untitled'),
    updateTime ? when.format(new Date(updateTime)) : '', {
      open: () => { open(conversationId); dialog.close(); },
      remove: (item) => remove(conversationId, item),
      removeLabel: text('history_remove', { title: title || text('history_untitled') }),
      current: conversationId === current,
    }));
  dialog.showModal();
}

// -- material

const kindOf = (format = '') => format.replace('MATERIAL_FORMAT_', '').toLowerCase();

function materialRow(client, { materialId, title, format, shared, sizeBytes = 0, durationMs = -1 }) {
  const size = durationMs > 0 ? clockText(durationMs) : `${Math.max(1, Math.round(sizeBytes / 1024))} KB`;
  const detail = [kindOf(format), size, text(shared ? 'material_everybody' : 'material_mine')].join(' · ');
  const remove = async (item) => {
    if (!window.confirm(text('material_confirm', { title }))) return;
    try {
      await client.call(`${SERVICE}/RemoveMaterial`, { materialId, idempotencyKey: crypto.randomUUID() });
      removeRow(item);
      $('material-status').textContent = `${text('material_removed', { title })} ${noneLeft('material')}`.trim();
    } catch (error) {
      $('material-status').textContent = chatErrorText(error);
    }
  };
  return row(title, detail, { remove, removeLabel: text('material_remove', { title }) });
}

/** The request for a file, or an error whose message is the text for the reader. */
async function readMaterial(file) {
  const extension = file.name.split('.').pop().toLowerCase();
  const title = file.name.replace(/\.[^.]+$/, '') || file.name;
  if (!formats[extension]) throw new Error(text('material_unknown', { title: file.name }));
  if (file.size > MATERIAL_MAX_BYTES) throw new Error(text('material_too_large', { title: file.name }));
  let content;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error(text('material_not_text', { title: file.name }));
  }
  return { title: title.slice(0, 200), format: formats[extension], content, shared: $('material-shared').checked, idempotencyKey: crypto.randomUUID() };
}

async function addFiles(client, files) {
  const status = $('material-status');
  for (const file of files) {
    status.textContent = text('material_adding', { title: file.name });
    let request;
    try {
      request = await readMaterial(file);
    } catch (error) {
      status.textContent = error.message;
      return;
    }
    try {
      const added = await client.call(`${SERVICE}/AddMaterial`, request);
      $('material-list').prepend(materialRow(client, added));
      status.textContent = text('material_added', { title: added.title });
    } catch (error) {
      status.textContent = text('material_failed', { title: file.name, why: chatErrorText(error) });
      return;
    }
  }
}

export function openMaterials(client) {
  const filled = fill('material', client, 'ListMaterials', 'materials', (material) => materialRow(client, material));
  $('material-file').onchange = async (event) => {
    const files = [...event.target.files];
    event.target.value = '';
    await filled; // which would take away the new row and what is said of it
    await addFiles(client, files);
  };
  $('materials-dialog').showModal();
}
