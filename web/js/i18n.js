// Texts of the page in both languages, and the one function that puts them there. Errors of the services are translated by
// their reason (the table in lib/rpc/error.h); an unknown one falls back to the service's own English message.

const texts = {
  en: {
    skip: 'Skip to the transcript', tagline: 'Live transcript', language_of_page: 'Language of this page',
    transcript: 'Transcript', finals: 'Finished sentences', empty_title: 'Speak, and read along',
    empty_text: 'Press Start and allow the microphone, or drop an audio file here.', latest: 'Jump to the latest',
    drop: 'Drop to transcribe', start: 'Start', resume: 'Resume', pause: 'Pause', stop: 'Stop', finishing: 'Finishing…',
    elapsed: 'Time recorded', microphone: 'Microphone', microphone_default: 'Default microphone', level: 'Input level',
    model: 'Model', file: 'File', copy: 'Copy', copied: 'Copied', copy_failed: 'The browser did not allow copying. Mark the text and copy it yourself.', download: 'Download', clear: 'Clear', progress: 'Progress of the file',
    format_txt: 'Text', format_srt: 'Subtitles', format_vtt: 'Web captions', format_json: 'Data',
    state_connecting: 'Connecting…', state_online: 'Connected', state_reconnecting: 'Reconnecting…', state_offline: 'Offline',
    offline_kept: 'The connection is lost. What you say is kept and will be transcribed when it is back.',
    mic_denied: 'The microphone is blocked. Allow it in the address bar of the browser, then press Start again.',
    mic_missing: 'No microphone was found. Plug one in, or choose an audio file.',
    mic_busy: 'Another program uses the microphone. Close it there, then press Start again.',
    mic_silent: 'The microphone is silent. Is it muted, or is the wrong one chosen?',
    mic_unplugged: 'The microphone was unplugged. Choose another one and press Start; the text so far is kept.',
    insecure: 'Browsers give the microphone to secure pages only. Open this page by https or at localhost.',
    file_unreadable: 'This file cannot be read as audio. WAV, Ogg, MP3, FLAC and M4A usually work.',
    no_speech: 'No speech was found in this recording.',
    load_failed: 'The client could not be loaded. Reload the page; if that does not help, the gateway may be old.',
    clear_confirm: 'Remove the whole transcript?', dismiss: 'Dismiss',
    err_TOO_MANY_STREAMS: 'The service is busy with other microphones. Trying again soon.',
    err_MODEL_NOT_FOUND: 'The chosen model is not there any more. Choose another one.',
    err_UNSUPPORTED_LANGUAGE: 'The chosen model does not know this language.',
    err_ENGINE_FAILED: 'The speech engine failed. Try again; if it happens again, tell the administrator.',
    err_TOO_LARGE: 'There is too much audio waiting: the connection was away for too long.',
    err_unknown: 'The transcription stopped: {message}',
  },
  'pt-BR': {
    skip: 'Ir para a transcrição', tagline: 'Transcrição ao vivo', language_of_page: 'Idioma desta página',
    transcript: 'Transcrição', finals: 'Frases concluídas', empty_title: 'Fale e acompanhe lendo',
    empty_text: 'Clique em Iniciar e permita o microfone, ou solte um arquivo de áudio aqui.', latest: 'Ir para o mais recente',
    drop: 'Solte para transcrever', start: 'Iniciar', resume: 'Continuar', pause: 'Pausar', stop: 'Parar', finishing: 'Concluindo…',
    elapsed: 'Tempo gravado', microphone: 'Microfone', microphone_default: 'Microfone padrão', level: 'Nível de entrada',
    model: 'Modelo', file: 'Arquivo', copy: 'Copiar', copied: 'Copiado', copy_failed: 'O navegador não permitiu copiar. Selecione o texto e copie você mesmo.', download: 'Baixar', clear: 'Limpar', progress: 'Progresso do arquivo',
    format_txt: 'Texto', format_srt: 'Legendas', format_vtt: 'Legendas para web', format_json: 'Dados',
    state_connecting: 'Conectando…', state_online: 'Conectado', state_reconnecting: 'Reconectando…', state_offline: 'Sem conexão',
    offline_kept: 'A conexão caiu. O que você disser fica guardado e será transcrito quando ela voltar.',
    mic_denied: 'O microfone está bloqueado. Permita o acesso na barra de endereço do navegador e clique em Iniciar de novo.',
    mic_missing: 'Nenhum microfone foi encontrado. Conecte um ou escolha um arquivo de áudio.',
    mic_busy: 'Outro programa está usando o microfone. Feche-o e clique em Iniciar de novo.',
    mic_silent: 'O microfone está em silêncio. Está mudo, ou foi escolhido o microfone errado?',
    mic_unplugged: 'O microfone foi desconectado. Escolha outro e clique em Iniciar; o texto até aqui foi mantido.',
    insecure: 'Navegadores só liberam o microfone em páginas seguras. Abra esta página por https ou em localhost.',
    file_unreadable: 'Este arquivo não pode ser lido como áudio. WAV, Ogg, MP3, FLAC e M4A costumam funcionar.',
    no_speech: 'Nenhuma fala foi encontrada nesta gravação.',
    load_failed: 'O cliente não pôde ser carregado. Recarregue a página; se não adiantar, o gateway pode estar desatualizado.',
    clear_confirm: 'Remover toda a transcrição?', dismiss: 'Dispensar',
    err_TOO_MANY_STREAMS: 'O serviço está ocupado com outros microfones. Tentando de novo em breve.',
    err_MODEL_NOT_FOUND: 'O modelo escolhido não existe mais. Escolha outro.',
    err_UNSUPPORTED_LANGUAGE: 'O modelo escolhido não conhece este idioma.',
    err_ENGINE_FAILED: 'O motor de fala falhou. Tente de novo; se acontecer outra vez, avise o administrador.',
    err_TOO_LARGE: 'Há áudio demais esperando: a conexão ficou fora por muito tempo.',
    err_unknown: 'A transcrição parou: {message}',
  },
};

let locale = 'en';

/** The texts of another part of the page: {en: {...}, 'pt-BR': {...}}. */
export function addTexts(more) {
  for (const name of Object.keys(texts)) Object.assign(texts[name], more[name]);
}

export const hasText = (key) => key in texts.en;
export const currentLocale = () => locale;

export function text(key, values = {}) {
  const found = texts[locale][key] ?? texts.en[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

export function errorText({ reason, message }) {
  return texts.en[`err_${reason}`] ? text(`err_${reason}`) : text('err_unknown', { message });
}

/** The reader's choice if there is one, else the first language of the browser that we have. */
export function preferredLocale() {
  const chosen = localStorage.getItem('ponte.locale');
  if (texts[chosen]) return chosen;
  return navigator.languages.some((l) => l.toLowerCase().startsWith('pt')) &&
    !navigator.languages[0].toLowerCase().startsWith('en') ? 'pt-BR' : 'en';
}

export function setLocale(next) {
  locale = texts[next] ? next : 'en';
  document.documentElement.lang = locale;
  for (const node of document.querySelectorAll('[data-i18n]')) node.textContent = text(node.dataset.i18n);
  for (const node of document.querySelectorAll('[data-i18n-label]')) node.setAttribute('aria-label', text(node.dataset.i18nLabel));
}

export function rememberLocale(next) {
  localStorage.setItem('ponte.locale', next);
  setLocale(next);
}
