#include "cli/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *english, *portuguese;
} texts[] = {
    {"the answer is cut: it reached the engine's limit", "a resposta está cortada: chegou ao limite do motor"},
    {"the engine's provider blocked the answer; what came before is none",
     "o provedor do motor bloqueou a resposta; o que veio antes não é uma resposta"},
    {"the answer has no end that is known", "a resposta tem um fim desconhecido"},
    {"the answer could not be shown whole", "a resposta não pôde ser mostrada inteira"},
    {"the answer broke off", "a resposta foi interrompida no meio"},
    {"\nSources:", "\nFontes:"},
    {"the context that was given", "o contexto que foi dado"},
    {"(not answered to the end)", "(não foi respondida até o fim)"},
    {"(cut at the engine's limit)", "(cortada no limite do motor)"},
    {"(blocked by the engine's provider)", "(bloqueada pelo provedor do motor)"},
    {"a question takes at most %d --material", "uma pergunta aceita no máximo %d --material"},
    {"name a question; only at a terminal they are typed one after another",
     "diga a pergunta; só em um terminal elas são digitadas uma após a outra"},
    {"--queue and --key are for one QUESTION", "--queue e --key são para uma só QUESTION"},
    {"%s was not added, and the question was not asked", "%s não foi adicionado, e a pergunta não foi feita"},
    {"stopped", "interrompida"},
    {"Ctrl-C stops an answer, Ctrl-D ends", "Ctrl-C interrompe uma resposta, Ctrl-D termina"},
    {"`ponte ask --conversation %s` goes on", "`ponte ask --conversation %s` continua"},

    {"usage: %s%s%s%s\n%s\n", "uso: %s%s%s%s\n%s\n"},
    {"\n`%s COMMAND --help` tells more.\n", "\n`%s COMMAND --help` diz mais.\n"},
    {"no arguments", "nenhum argumento"},
    {"--%s must be one of: %s", "--%s deve ser um destes: %s"},
    {"too many options", "opções demais"},
    {"%s needs %s; --help tells more", "%s precisa de %s; --help diz mais"},
    {"%s takes %s; --help tells more", "%s aceita %s; --help diz mais"},
    {"%s: %s needs a value; --help tells more", "%s: %s precisa de um valor; --help diz mais"},
    {"%s: there is no %s, or not so; --help tells more", "%s: não há %s, ou não assim; --help diz mais"},
    {"%s has no command %s", "%s não tem o comando %s"},
    {"--%s must be a number from %lld to %lld", "--%s deve ser um número de %lld a %lld"},
    {"--%s must be a positive number of seconds", "--%s deve ser um número positivo de segundos"},
    {"completion is there for bash, zsh and fish", "há completion para bash, zsh e fish"},
    {"%s [y/N] ", "%s [s/N] "},
    {"yY", "sSyY"},
    {"Delete this conversation?", "Apagar esta conversa?"},
    {"Remove this material?", "Remover este material?"},
    {"Cancel this order?", "Cancelar este pedido?"},
    {"Delete this user and end the user's sessions?", "Apagar este usuário e encerrar as sessões dele?"},

    {"%sfield %s", "%scampo %s"},
    {"try again in %lld s", "tente de novo em %lld s"},
    {"the answer of %s cannot be read", "a resposta de %s não pode ser lida"},
    {"%s ended without an answer", "%s terminou sem uma resposta"},
    {"there are more: --page-token %s", "há mais: --page-token %s"},
    {"out of memory", "falta memória"},
    {"standard output failed", "a saída padrão falhou"},
    {"the answer cannot be written: %s", "a resposta não pode ser escrita: %s"},
    {"cannot start: %s", "não foi possível começar: %s"},
    {"--endpoint must be http://HOST:PORT, https://HOST:PORT or HOST:PORT, and the token visible ASCII",
     "--endpoint deve ser http://HOST:PORT, https://HOST:PORT ou HOST:PORT, e o token, ASCII visível"},
    {"--endpoint is too long", "--endpoint é longo demais"},
    {"no folder for files of its own: set HOME or %s", "não há pasta para os arquivos do programa: defina HOME ou %s"},

    {"a part of the transcript was not attached", "uma parte da transcrição não foi anexada"},
    {"the transcript cannot be attached: out of memory", "a transcrição não pode ser anexada: falta memória"},
    {"the assistant cannot be reached: a part of the transcript was not attached",
     "o assistente não está acessível: uma parte da transcrição não foi anexada"},
    {"no answer for too long, giving up", "tempo demais sem resposta, desistindo"},
    {"waiting for the last words; Ctrl-C again stops at once",
     "esperando as últimas palavras; Ctrl-C outra vez para na hora"},
    {"connected", "conectado"},
    {"the connection is lost; trying again, and no audio is lost",
     "a conexão caiu; tentando de novo, e nenhum áudio se perde"},
    {"no answer yet; trying again", "ainda sem resposta; tentando de novo"},
    {"Opus: %s", "Opus: %s"},
    {"microphone %s: %s", "microfone %s: %s"},
    {"this kind of audio cannot be converted", "este tipo de áudio não pode ser convertido"},
    {"--mic takes no files", "--mic não aceita arquivos"},
    {"name a file, or --mic; `ponte transcribe --help` tells more",
     "diga um arquivo, ou --mic; `ponte transcribe --help` diz mais"},
    {"--shared needs --attach", "--shared precisa de --attach"},
    {"several files in this format need --output-dir", "vários arquivos neste formato precisam de --output-dir"},
    {"attached as %s: `ponte ask --session %s`", "anexada como %s: `ponte ask --session %s`"},
    {"the result could not be written: %s", "o resultado não pôde ser escrito: %s"},
    {"the result could not be written", "o resultado não pôde ser escrito"},

    {"the request is no %s: %.*s", "o pedido não é um %s: %.*s"},
    {"the request is no %s: %s", "o pedido não é um %s: %s"},
    {"standard input holds more than a message may", "a entrada padrão tem mais do que cabe em uma mensagem"},
    {"%s has no idempotency_key: sent twice it would take effect twice, so it cannot be queued",
     "%s não tem idempotency_key: enviado duas vezes, valeria duas vezes; por isso não pode ficar na fila"},
    {"-H must be \"name: value\" of what metadata may hold, not \"%s\"",
     "-H deve ser \"nome: valor\" com o que metadados podem conter, e não \"%s\""},
    {"--queue keeps one request without metadata: %s", "--queue guarda um só pedido, sem metadados: %s"},
    {"this is a stream of them", "este é um fluxo deles"},
    {"leave -H out", "deixe -H de fora"},
    {"no method %s; `ponte call --describe %s` shows what there is",
     "não há o método %s; `ponte call --describe %s` mostra o que há"},
    {"through a gateway reflection speaks for one server at most; Ponte's own services are known anyway",
     "por um gateway, a reflection fala no máximo por um servidor; os serviços do próprio Ponte são conhecidos assim "
     "mesmo"},
    {"no symbol %s", "não há o símbolo %s"},
    {"name a method, SERVICE/METHOD; `ponte call --list` shows the services",
     "diga um método, SERVICE/METHOD; `ponte call --list` mostra os serviços"},
    {"--direct knows Ponte's own services; name the server with --endpoint HOST:PORT",
     "--direct conhece os serviços do próprio Ponte; diga o servidor com --endpoint HOST:PORT"},
    {"the server's types make no sense: %s", "os tipos do servidor não fazem sentido: %s"},

    {"%s: more than %zu bytes", "%s: mais de %zu bytes"},
    {"%s: not a text in UTF-8", "%s: não é um texto em UTF-8"},
    {"%s: its ending tells no format (.md .txt .srt .vtt; `ponte materials add` takes --format)",
     "%s: a extensão não diz o formato (.md .txt .srt .vtt; `ponte materials add` aceita --format)"},
    {"%s: no title can be made of it: give one with --title", "%s: o nome não serve de título: dê um com --title"},
    {"standard input cannot be read: out of memory", "a entrada padrão não pode ser lida: falta memória"},
    {"standard input: %s", "entrada padrão: %s"},

    {"E-mail: ", "E-mail: "},
    {"Password: ", "Senha: "},
    {"standard input is no terminal: give the password with --password-stdin",
     "a entrada padrão não é um terminal: dê a senha com --password-stdin"},
    {"--password-stdin needs the e-mail address as an argument",
     "--password-stdin precisa do endereço de e-mail como argumento"},
    {"no e-mail address or no password was given", "faltou o endereço de e-mail ou a senha"},
    {"signed in as %s at %s", "você entrou como %s em %s"},
    {"not signed in at %s", "você não entrou em %s"},
    {"signed out at %s", "você saiu de %s"},
    {"the service could not be told (%s): the session ends there by itself",
     "o serviço não pôde ser avisado (%s): lá, a sessão termina sozinha"},
    {"not signed in at %s: `ponte login`", "você não entrou em %s: `ponte login`"},
    {"%s cannot be read; remove it and sign in again", "%s não pode ser lido; remova-o e entre de novo"},
    {"the service's answer is no session", "a resposta do serviço não é uma sessão"},
    {"the session cannot be refreshed", "a sessão não pode ser renovada"},
    {"the session has ended: `ponte login` starts a new one", "a sessão terminou: `ponte login` começa uma nova"},
    {"the refreshed session cannot be kept", "a sessão renovada não pode ser guardada"},
    {"the session cannot be read", "a sessão não pode ser lida"},
    {"the session's token is malformed: `ponte login` starts a new one",
     "o token da sessão está malformado: `ponte login` começa uma nova"},

    {"--item must be DESCRIPTION:QUANTITY:PRICE, such as \"Book:2:37.50\"",
     "--item deve ser DESCRIPTION:QUANTITY:PRICE, como \"Livro:2:37.50\""},
    {"an order has at most %d items", "um pedido tem no máximo %d itens"},
    {"name at least one --item DESCRIPTION:QUANTITY:PRICE", "diga ao menos um --item DESCRIPTION:QUANTITY:PRICE"},
    {"the %s service could not be asked: its part is missing",
     "o serviço %s não pôde ser consultado: falta a parte dele"},
    {"%s is no amount of %s: %d digits behind the point", "%s não é um valor em %s: %d casas depois do ponto"},
    {"unknown %s %s", "%s desconhecido: %s"},
    {"--%s must be a day (2026-11-22, in UTC) or a time (2026-11-22T12:00:00Z)",
     "--%s deve ser um dia (2026-11-22, em UTC) ou um instante (2026-11-22T12:00:00Z)"},
    {"say what to change: --name, --email or --role", "diga o que mudar: --name, --email ou --role"},
    {"the user %s has been deleted; `ponte users restore` helps",
     "o usuário %s foi apagado; `ponte users restore` resolve"},

    {"another call with key %s is in the queue: this one is not kept",
     "outra chamada com a chave %s está na fila: esta não foi guardada"},
    {"the request is too large to keep", "o pedido é grande demais para ser guardado"},
    {"%s cannot be reached; the call is kept with key %s: `ponte sync` sends it",
     "%s não está acessível; a chamada está guardada com a chave %s: `ponte sync` a envia"},
    {"%" PRId64 " %s was refused and is kept aside: %s", "%" PRId64 " %s foi recusada e está guardada à parte: %s"},
    {"%" PRId64 " %s waits: it was queued by %s", "%" PRId64 " %s espera: foi posta na fila por %s"},
    {"whoever's token was given: give it again with --token", "quem deu o token: dê-o de novo com --token"},
    {"another account: `ponte login`", "outra conta: `ponte login`"},
    {"%" PRId64 " %s is done", "%" PRId64 " %s foi feita"},
    {"%" PRId64 " sent, %" PRId64 " waiting, %" PRId64 " refused\n",
     "%" PRId64 " enviadas, %" PRId64 " esperando, %" PRId64 " recusadas\n"},
    {"no call %s in the queue", "não há a chamada %s na fila"},
    {"it waited for more than six days, and services forget keys after seven: look whether it was done, and if not, "
     "make it anew",
     "esperou mais de seis dias, e os serviços esquecem as chaves depois de sete: veja se foi feita e, se não, faça-a "
     "de novo"},

    /* What --help says. */
    {"a gateway, http[s]://HOST:PORT (default http://127.0.0.1:8080); or a gRPC server, HOST:PORT",
     "um gateway, http[s]://HOST:PORT (padrão http://127.0.0.1:8080); ou um servidor gRPC, HOST:PORT"},
    {"no gateway: each service at its standard port (default host 127.0.0.1)",
     "sem gateway: cada serviço em sua porta padrão (host padrão 127.0.0.1)"},
    {"bearer token (default: $PONTE_TOKEN, then the session of `ponte login`)",
     "bearer token (padrão: $PONTE_TOKEN, depois a sessão de `ponte login`)"},
    {"how long a call may take (default 30; streams: as long as they like)",
     "quanto uma chamada pode demorar (padrão 30; fluxos: o quanto quiserem)"},
    {"JSON instead of a table", "JSON em vez de tabela"},
    {"if the service cannot be reached, keep the call for `ponte sync`",
     "se o serviço não estiver acessível, guarda a chamada para `ponte sync`"},
    {"idempotency key: the same key again repeats the answer, not the change",
     "chave de idempotência: a mesma chave repete a resposta, não a mudança"},
    {"this text", "este texto"},
    {"call any method: JSON in, JSON out", "chama qualquer método: JSON entra, JSON sai"},
    {"The types come from server reflection; those of Ponte's own services are known without it. \"-\" is standard "
     "input; for a stream of\nrequests it is one JSON message a line, and so it is without JSON. Answers come one a "
     "line.\n",
     "Os tipos vêm da server reflection; os dos serviços do próprio Ponte são conhecidos sem ela. \"-\" é a entrada "
     "padrão; para um fluxo de\npedidos, é uma mensagem JSON por linha, e assim também sem JSON. As respostas vêm uma "
     "por linha.\n"},
    {"metadata of the call; may be repeated; values of -bin names in base64",
     "metadados da chamada; pode ser repetida; valores de nomes -bin em base64"},
    {"the services that the server has", "os serviços que o servidor tem"},
    {"a service, method, message or enum, as its .proto says it",
     "um serviço, método, mensagem ou enum, como está no .proto"},
    {"print a shell's completion script", "escreve o script de completion de um shell"},
    {"one's conversations, the last changed first", "as próprias conversas, a última mudada primeiro"},
    {"begin one, for `ponte ask --conversation`", "começa uma, para `ponte ask --conversation`"},
    {"show a conversation's questions and answers", "mostra as perguntas e respostas de uma conversa"},
    {"delete a conversation", "apaga uma conversa"},
    {"questions and answers that were kept", "perguntas e respostas que foram guardadas"},
    {"make two users and three orders, and report on them",
     "cria dois usuários e três pedidos, e faz um relatório deles"},
    {"Without a token or a session it uses the demo account of run.sh ($PONTE_DATA_DIR/demo-account.json). A second "
     "run changes nothing.\n",
     "Sem token nem sessão, usa a conta de demonstração de run.sh ($PONTE_DATA_DIR/demo-account.json). Uma segunda vez "
     "não muda nada.\n"},
    {"sign in; later commands to the same place use the session",
     "entra; os comandos seguintes para o mesmo lugar usam a sessão"},
    {"end the session", "encerra a sessão"},
    {"show who is signed in", "mostra quem entrou"},
    {"the password is the first line of standard input", "a senha é a primeira linha da entrada padrão"},
    {"The command line client of Ponte; --version prints the version.",
     "O cliente de linha de comando do Ponte; --version escreve a versão."},
    {"Exit codes: 0 done, 1 a problem on this side (a file, the microphone) or a call that `ponte sync` had to put "
     "aside, 2 wrong usage,\n20 + N gRPC status N (34: the gateway or service is not there), 130 interrupted.\n",
     "Códigos de saída: 0 feito, 1 um problema deste lado (um arquivo, o microfone) ou uma chamada que `ponte sync` "
     "teve de pôr à parte, 2 uso errado,\n20 + N status gRPC N (34: o gateway ou o serviço não está lá), 130 "
     "interrompido.\n"},
    {"one's own material and what is shared, the newest first",
     "o próprio material e o que é compartilhado, o mais novo primeiro"},
    {"add a lesson: Markdown, plain text, or a transcript (SRT, VTT)",
     "adiciona uma aula: Markdown, texto puro, ou uma transcrição (SRT, VTT)"},
    {"show a lesson with its text", "mostra uma aula com seu texto"},
    {"remove a lesson", "remove uma aula"},
    {"lessons that the assistant answers from", "aulas em que o assistente baseia as respostas"},
    {"\"-\" is standard input, and then needs --title and --format. At most 1 MiB.\n",
     "\"-\" é a entrada padrão, e então precisa de --title e --format. No máximo 1 MiB.\n"},
    {"(default: the file's name)", "(padrão: o nome do arquivo)"},
    {"(default: by the file's ending)", "(padrão: pela extensão do arquivo)"},
    {"everybody may be answered from it (teachers and administrators)",
     "vale para as respostas a todos (professores e administradores)"},
    {"orders, the newest first", "pedidos, o mais novo primeiro"},
    {"show an order with its items", "mostra um pedido com seus itens"},
    {"place an order for a user", "faz um pedido para um usuário"},
    {"cancel an order that is not paid", "cancela um pedido que não está pago"},
    {"pay an order (simulated)", "paga um pedido (simulado)"},
    {"list, show, place, pay and cancel orders", "lista, mostra, faz, paga e cancela pedidos"},
    {"only this user's", "só os deste usuário"},
    {"only these", "só estes"},
    {"created at or after this day or time", "criados neste dia ou instante, ou depois"},
    {"created before this day or time", "criados antes deste dia ou instante"},
    {"what, how many, and the price of one; once for each item",
     "o quê, quantos, e o preço de um; uma vez para cada item"},
    {"ISO 4217 (default BRL)", "ISO 4217 (padrão BRL)"},
    {"list the speech models of the transcription service", "lista os modelos de fala do serviço de transcrição"},
    {"show the state of the transcription service", "mostra o estado do serviço de transcrição"},
    {"ask the assistant; the answer comes as it is written, its sources at the end",
     "pergunta ao assistente; a resposta vem enquanto é escrita, as fontes no fim"},
    {"Without a QUESTION, at a terminal: questions are typed one after another, as one conversation; Ctrl-C stops an "
     "answer, Ctrl-D ends.\nWithout --material, from all lessons that you may see. Exit code 0 is a whole answer, be "
     "it that the material says nothing\nabout it; 31 one that was cut, 29 one that was blocked. --json prints each "
     "message of the stream in a line.\n",
     "Sem QUESTION, em um terminal: as perguntas são digitadas uma após a outra, como uma conversa; Ctrl-C interrompe "
     "uma resposta, Ctrl-D termina.\nSem --material, de todas as aulas que você pode ver. O código de saída 0 é uma "
     "resposta inteira, ainda que seja que o material nada diz\nsobre isso; 31, uma que foi cortada; 29, uma que foi "
     "bloqueada. --json escreve cada mensagem do fluxo em uma linha.\n"},
    {"answer from this lesson only (.md .txt .srt .vtt; repeatable); it is added once",
     "responde só com esta aula (.md .txt .srt .vtt; pode ser repetida); ela é adicionada uma vez"},
    {"what the lesson says right now, as text; \"-\" is standard input",
     "o que a aula diz agora, como texto; \"-\" é a entrada padrão"},
    {"a live transcription, searched first", "uma transcrição ao vivo, procurada primeiro"},
    {"go on with this one (`ponte conversations create`)", "continua esta (`ponte conversations create`)"},
    {"of the answer, BCP 47 (default: the question's own)", "da resposta, BCP 47 (padrão: a da pergunta)"},
    {"a user's orders: count, totals, periods", "os pedidos de um usuário: quantos, totais, períodos"},
    {"the users with the most orders; of these users, or of all",
     "os usuários com mais pedidos; destes usuários, ou de todos"},
    {"orders over time", "pedidos ao longo do tempo"},
    {"orders as CSV (RFC 4180)", "pedidos em CSV (RFC 4180)"},
    {"what users and orders add up to", "o que usuários e pedidos somam"},
    {"orders created at or after this day or time", "pedidos criados neste dia ou instante, ou depois"},
    {"and before this one", "e antes deste"},
    {"how long a row is (default day)", "quanto dura uma linha (padrão day)"},
    {"how many users, up to 1000 (default 10)", "quantos usuários, até 1000 (padrão 10)"},
    {"what ranks them (default count)", "o que os ordena (padrão count)"},
    {"only orders of this currency (ISO 4217)", "só pedidos nesta moeda (ISO 4217)"},
    {"only this user's orders", "só os pedidos deste usuário"},
    {"send the calls that --queue has kept", "envia as chamadas que --queue guardou"},
    {"the calls that wait, and those that were refused", "as chamadas que esperam, e as que foram recusadas"},
    {"forget calls without sending them", "esquece chamadas sem enviá-las"},
    {"show or drop the calls that wait for `ponte sync`",
     "mostra ou descarta as chamadas que esperam por `ponte sync`"},
    {"Each is sent to the place it was meant for, in order and, by its idempotency key, with effect once; questions "
     "are shown with\ntheir answers. It stops at the first service that cannot be reached; calls that are refused for "
     "good are kept aside\n(`ponte queue list`), and the exit code is then 1.\n",
     "Cada uma é enviada ao lugar a que se destinava, em ordem e, por sua chave de idempotência, valendo uma vez; "
     "perguntas são mostradas com\nas respostas. Para no primeiro serviço que não está acessível; chamadas recusadas "
     "de vez ficam guardadas à parte\n(`ponte queue list`), e então o código de saída é 1.\n"},
    {"bearer token for all of them, whoever queued them",
     "bearer token para todas elas, seja quem for que as pôs na fila"},
    {"speech to text, from files or the microphone", "fala em texto, de arquivos ou do microfone"},
    {"Finals go to stdout as they come; a terminal shows the interim text and the progress as well. Files are WAV, "
     "FLAC,\nOgg (Vorbis, Opus), MP3; \"-\" is standard input. Ctrl-C stops listening and waits for the last words.\n",
     "Os textos finais vão para stdout quando vêm; um terminal mostra também o texto provisório e o progresso. "
     "Arquivos são WAV, FLAC,\nOgg (Vorbis, Opus), MP3; \"-\" é a entrada padrão. Ctrl-C para de ouvir e espera as "
     "últimas palavras.\n"},
    {"the microphone instead of files", "o microfone em vez de arquivos"},
    {"(default txt)", "(padrão txt)"},
    {"one file for each input, NAME.FORMAT, instead of stdout",
     "um arquivo para cada entrada, NAME.FORMAT, em vez de stdout"},
    {"BCP 47, as `ponte models` lists them (default: the model's own)",
     "BCP 47, como `ponte models` os lista (padrão: o do modelo)"},
    {"(default: the service's)", "(padrão: o do serviço)"},
    {"files only (default fast)", "só arquivos (padrão fast)"},
    {"what is sent (default opus, 24 kb/s)", "o que é enviado (padrão opus, 24 kb/s)"},
    {"stop after so much audio", "para depois de tanto áudio"},
    {"how long to try without an answer (default 60)", "quanto tentar sem resposta (padrão 60)"},
    {"let the assistant answer from it while it runs (default: the source's name)",
     "deixa o assistente responder com ela enquanto corre (padrão: o nome da fonte)"},
    {"with --attach: for everybody (teachers and administrators)",
     "com --attach: para todos (professores e administradores)"},
    {"every result as it comes, one JSON object a line", "cada resultado quando vem, um objeto JSON por linha"},
    {"how many, up to 1000 (default 50)", "quantos, até 1000 (padrão 50)"},
    {"go on behind an earlier list", "continua depois de uma lista anterior"},
    {"do not ask", "não pergunta"},
    {"users, the newest last", "usuários, o mais novo por último"},
    {"show a user", "mostra um usuário"},
    {"make a user, who signs in once a password has been set",
     "cria um usuário, que entra depois que uma senha for definida"},
    {"change a user's name, e-mail address or role", "muda o nome, o e-mail ou o papel de um usuário"},
    {"delete a user, who can be restored", "apaga um usuário, que pode ser restaurado"},
    {"bring a deleted user back", "traz de volta um usuário apagado"},
    {"list, show and change users", "lista, mostra e muda usuários"},
    {"whose name or e-mail address contains this", "cujo nome ou e-mail contém isto"},
    {"deleted users too", "também usuários apagados"},
    {"(default student)", "(padrão student)"},
    {"a new name", "um novo nome"},
    {"a new e-mail address", "um novo endereço de e-mail"},
    {"a new role (administrators only)", "um novo papel (só administradores)"},
};

/* The names of rpc/error.h, and the statuses that come without one. */
static const struct {
  const char *reason;
  bool detail;
  const char *portuguese;
} reasons[] = {
    {"INVALID_FIELD", true, "o serviço recusou um campo"},
    {"OUT_OF_SEQUENCE", true, "as partes vieram fora de ordem"},
    {"MALFORMED_AUDIO", true, "o áudio não pode ser lido"},
    {"UNSUPPORTED_LANGUAGE", true, "o modelo não conhece este idioma"},
    {"MODEL_NOT_FOUND", true, "não há este modelo"},
    {"TOO_LARGE", true, "é grande demais"},
    {"SERVICE_UNKNOWN", true, "não há este serviço aqui"},
    {"TOO_MANY_STREAMS", false, "o serviço está ocupado com outros fluxos; tente de novo em instantes"},
    {"TOO_MANY_CALLS", false, "chamadas demais ao mesmo tempo; tente de novo em instantes"},
    {"OUT_OF_MEMORY", false, "falta memória ao serviço; tente de novo em instantes"},
    {"SHUTTING_DOWN", false, "o serviço está sendo desligado; tente de novo em instantes"},
    {"ENGINE_FAILED", false, "o motor falhou; se acontecer outra vez, avise o administrador"},
    {"NOT_FOUND", true, "não existe, ou não é seu"},
    {"ALREADY_EXISTS", true, "já existe"},
    {"USER_NOT_FOUND", false, "não há este usuário"},
    {"ORDER_NOT_FOUND", false, "não há este pedido"},
    {"EMAIL_TAKEN", false, "já existe uma conta com este e-mail"},
    {"KEY_REUSED", false, "esta chave de idempotência foi usada para outra coisa: use uma nova"},
    {"NO_IDENTITY", false, "entre primeiro: `ponte login`"},
    {"TOKEN_EXPIRED", false, "o token venceu: entre de novo com `ponte login`"},
    {"SIGN_IN_FAILED", false, "o e-mail ou a senha está errado"},
    {"SESSION_ENDED", false, "a sessão terminou: entre de novo com `ponte login`"},
    {"NOT_ALLOWED", false, "seu papel não permite isto"},
    {"TOO_MANY_ATTEMPTS", false, "tentativas demais"},
    {"LAST_ADMIN", false, "este é o último administrador, e um tem de ficar"},
    {"ORDER_CLOSED", true, "o pedido já está pago ou cancelado"},
    {"AMOUNT_OVERFLOW", false, "o total passa do maior valor possível"},
    {"DEADLINE", false, "demorou demais"},
    {"PEER_UNAVAILABLE", true, "um serviço de que este precisa não está acessível; tente de novo em instantes"},
    {"STORE_UNAVAILABLE", false, "o serviço não alcança o banco de dados; tente de novo em instantes"},
    {"MALFORMED_MATERIAL", true, "este arquivo não está no formato esperado"},
    {"QUOTA_EXCEEDED", true, "você atingiu seu limite por enquanto"},
    {"ENGINE_UNAVAILABLE", false, "o assistente não está acessível agora; pergunte de novo em instantes"},
    {"ANSWER_CUT", false, "cortada: a resposta passou do limite"},
    {"ANSWER_BLOCKED", false, "bloqueada pelo provedor do modelo"},
    {"INTERNAL", false, "erro interno do serviço; se acontecer outra vez, avise o administrador"},
    {"UNAVAILABLE", true, "o gateway ou o serviço não está acessível"},
};

static bool is_portuguese(void) {
  static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
    const char *value = getenv(variables[i]);
    if (value && *value) return strncmp(value, "pt", 2) == 0 && (value[2] == '\0' || strchr("_.@", value[2]));
  }
  return false;
}

const char *cli_words(const char *english) {
  bool portuguese = is_portuguese();
  for (size_t i = 0; portuguese && i < sizeof texts / sizeof *texts; i++) {
    if (strcmp(texts[i].english, english) == 0) return texts[i].portuguese;
  }
  return english;
}

const char *cli_words_reason(const char *reason, bool *detail) {
  bool portuguese = is_portuguese();
  for (size_t i = 0; portuguese && i < sizeof reasons / sizeof *reasons; i++) {
    if (strcmp(reasons[i].reason, reason) != 0) continue;
    *detail = reasons[i].detail;
    return reasons[i].portuguese;
  }
  return NULL;
}
