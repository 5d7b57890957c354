// Makes chat-batch.jsonl, always the same: `node examples/make-chat-batch.mjs > examples/chat-batch.jsonl`.
// 200 chat requests as a support team would send them. Five have messages that a model refuses with 400: the file is
// valid, so the batch runs, and those five lines end in the error file.

const languages = [
  {
    code: "en",
    system: "You are a support agent of an online shop. Answer in two sentences.",
    questions: [
      "My order {n} arrived with a cracked screen. What can I do?",
      "Can I change the delivery address of order {n}?",
      "Where do I find the invoice for order {n}?",
      "The {p} does not charge any more. Is that covered by the warranty?",
      'The box said "{p}", but something else was inside.\nPlease help.',
    ],
    products: ["headset", "tablet", "kettle", "desk lamp"],
  },
  {
    code: "de",
    system: "Du bist im Kundendienst eines Onlineshops. Antworte in zwei Sätzen.",
    questions: [
      "Meine Bestellung {n} kam mit gesprungenem Bildschirm an. Was nun?",
      "Kann ich die Lieferadresse der Bestellung {n} noch ändern?",
      "Wo finde ich die Rechnung zur Bestellung {n}?",
      "Für {p} fehlt das Netzteil. Schicken Sie mir eines nach?",
    ],
    products: ["den Kopfhörer", "das Tablet", "die Schreibtischlampe"],
  },
  {
    code: "es",
    system: "Eres agente de soporte de una tienda en línea. Responde en dos frases.",
    questions: [
      "Mi pedido {n} llegó con la pantalla rota. ¿Qué puedo hacer?",
      "¿Puedo cambiar la dirección de entrega del pedido {n}?",
      "¿Tiene garantía {p}?",
    ],
    products: ["la lámpara", "el teléfono", "la tableta"],
  },
  {
    code: "fr",
    system: "Tu es agent du service client d’une boutique en ligne. Réponds en deux phrases.",
    questions: [
      "Ma commande {n} est arrivée avec l’écran fêlé. Que faire ?",
      "Où est la facture de la commande {n} ?",
      "Comment renvoyer {p} ?",
    ],
    products: ["le casque", "la bouilloire", "la lampe"],
  },
  {
    code: "ja",
    system: "あなたはオンラインショップのサポート担当です。二文で答えてください。",
    questions: ["注文{n}の画面が割れていました。どうすればよいですか。", "{p}の保証期間を教えてください。"],
    products: ["ヘッドホン", "タブレット", "電気ケトル"],
  },
  {
    code: "hi",
    system: "आप एक ऑनलाइन दुकान के सहायक हैं। दो वाक्यों में उत्तर दें।",
    questions: ["मेरा ऑर्डर {n} टूटा हुआ आया है। अब क्या करूँ?", "{p} की वारंटी कितने समय की है?"],
    products: ["हेडफ़ोन", "टैबलेट"],
  },
  {
    code: "ar",
    system: "أنت موظف دعم في متجر إلكتروني. أجب بجملتين.",
    questions: ["وصل طلبي {n} وشاشته مكسورة. ماذا أفعل؟", "هل يشمل الضمان {p}؟"],
    products: ["سماعة الرأس", "المصباح"],
  },
  {
    code: "pt",
    system: "Você é atendente de uma loja on-line. Responda em duas frases. 🙂",
    questions: ["Meu pedido {n} chegou com a tela trincada. E agora?", "Como devolvo {p}?"],
    products: ["o fone de ouvido", "a luminária"],
  },
];

/** What no model takes, by line. */
const refused = new Map([
  [23, [{ role: "user", content: 7 }]],
  [64, [{ role: "wizard", content: "Abracadabra" }]],
  [101, ["just text"]],
  [142, [{ role: "user" }]],
  [187, []],
]);

const total = 200;

for (let line = 1; line <= total; line += 1) {
  const language = languages[(line * 5 + Math.floor(line / 8)) % languages.length];
  const question = language.questions[line % language.questions.length]
    .replace("{n}", `2025-${10000 + line * 37}`)
    .replace("{p}", language.products[line % language.products.length]);
  const messages = refused.get(line) ?? [
    { role: "system", content: language.system },
    { role: "user", content: question },
  ];
  const body = { model: "echo-1", messages, max_tokens: 64 + (line % 4) * 32 };
  if (line % 3 === 0) body.temperature = 0.2;
  const custom_id = `ticket-${String(line).padStart(4, "0")}-${language.code}`;
  console.log(JSON.stringify({ custom_id, method: "POST", url: "/v1/chat/completions", body }));
}
