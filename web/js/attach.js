// What is transcribed is kept as material to ask about: whether it is shared with the class, and how keeping it goes, in quiet words.

import { addTexts, currentLocale, text } from './i18n.js';

addTexts({
  en: {
    share: 'Share with the class', share_hint: 'Everybody may ask about what is said from the next start on.',
    attach_SAVING: 'Keeping…', attach_SAVED: 'Kept for questions', attach_WAITING: 'Not kept yet: waiting for the service', attach_NEEDS_SIGN_IN: 'Sign in to ask about what is said',
    attach_REFUSED: 'Not kept for questions',
    lesson: 'Lesson of {when}',
  },
  'pt-BR': {
    share: 'Compartilhar com a turma', share_hint: 'Todos podem perguntar sobre o que for dito a partir do próximo início.',
    attach_SAVING: 'Guardando…', attach_SAVED: 'Guardado para perguntas', attach_WAITING: 'Ainda não guardado: esperando o serviço', attach_NEEDS_SIGN_IN: 'Entre para perguntar sobre o que é dito',
    attach_REFUSED: 'Não guardado para perguntas',
    lesson: 'Aula de {when}',
  },
});

const $ = (id) => document.getElementById(id);
const UNIMPLEMENTED = 12; // captions only: there is nobody to ask, and nothing to say about it

let attached = { state: 'NOTHING', code: 0 };

export function showAttached() {
  const { state, code, message } = attached;
  const quiet = state === 'NOTHING' || code === UNIMPLEMENTED;
  $('attached').textContent = quiet ? '' : text(`attach_${state}`);
  $('attached').title = quiet ? '' : message ?? '';
  $('attached').dataset.state = state;
}

/** What createClient's onAttach tells. Each sentence is kept anew: that is no news. */
export function attachChanged(next) {
  const noNews = next.state === 'SAVING' && attached.state === 'SAVED';
  attached = next;
  if (!noNews) showAttached();
}

/** Everything that was said can be asked about without this page. */
export const isAttached = () => attached.state === 'SAVED';

/** The switch is for those whom the service allows it. */
export function showShare({ roles }) {
  const may = roles.some((role) => role === 'teacher' || role === 'admin');
  $('share').hidden = !may;
  if (!may) $('share-switch').checked = false;
}

/** For transcribe(): of a recording that begins now. */
export const attachOptions = () => ({
  title: text('lesson', { when: new Date().toLocaleString(currentLocale(), { dateStyle: 'medium', timeStyle: 'short' }) }),
  shared: $('share-switch').checked,
});
