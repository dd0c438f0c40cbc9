// What the mock says about a prompt: a handful of findings, slots between commas, advice by length. It
// does NOT read as well as the server does.

const SENTENCES = {
  intensifier: {
    en: (text) => `“${text}” adds nothing that can be drawn.`,
    zh: (text) => `“${text}”没有可画的内容。`,
  },
  repetition: { en: () => 'Once is enough.', zh: () => '说一次就够了。' },
  abstract: {
    en: (text) => `“${text}” cannot be seen. Say what it looks like.`,
    zh: (text) => `“${text}”看不见，请写出它的样子。`,
  },
  'unquoted-text': { en: () => 'Text that should be drawn goes into quotes.', zh: () => '要画出来的文字请加引号。' },
  homograph: {
    en: (text) => `“${text}” can be read in two ways; say which.`,
    zh: (text) => `“${text}”有两种读法，请注明。`,
  },
  punctuation: { en: () => 'A slip of the punctuation.', zh: () => '标点有误。' },
};

const RULES = [
  { code: 'intensifier', severity: 'hint', find: /\b(?:very|really|extremely) |非常|超级/gi, by: () => '' },
  { code: 'repetition', severity: 'warning', find: /\b(\w+ \w+), \1\b/gi, by: (text) => text.split(', ')[0] },
  { code: 'abstract', severity: 'hint', find: /\b(?:freedom|loneliness)\b|高级感|氛围感/gi, by: () => null },
  { code: 'unquoted-text', severity: 'warning', find: /(?<=\bsays )[A-Z]\w+(?: [A-Z]\w+)*/g, by: (text) => `"${text}"` },
  { code: 'homograph', severity: 'hint', find: /发簪(?!\()/g, by: (text) => `${text}(fà zān)` },
  { code: 'punctuation', severity: 'warning', find: /,,|，，/g, by: (text) => text[0] },
];

const LIMIT = 512;

/** The answer of `POST /v1/prompt/check`. */
export function check({ prompt, language = 'en' }) {
  const findings = RULES.flatMap(({ code, severity, find, by }) =>
    [...prompt.matchAll(find)].map((match) => {
      const start = Array.from(prompt.slice(0, match.index)).length;
      const [text] = match;
      const message = SENTENCES[code][language](text.trim());
      return { code, severity, span: { start, end: start + Array.from(text).length }, text, message, replacement: by(text), note: null };
    }),
  ).sort((a, b) => a.span.start - b.span.start);
  const points = Array.from(prompt);
  for (const { span, replacement } of findings.toReversed()) {
    if (replacement !== null) points.splice(span.start, span.end - span.start, ...replacement);
  }
  const fixed = points.join('');
  return { findings, fixed, tokens: { count: tokens(prompt), limit: LIMIT, estimated: true, fixed_count: tokens(fixed) } };
}

/** The answer of `POST /v1/prompt/template`. */
export function template({ prompt, slots }) {
  if (slots) {
    const { subject = '', action = '', details = [], background = '', style = '' } = slots;
    const whole = [`${subject} ${action}`.trim(), ...details, background, style].filter((part) => part.trim() !== '');
    return { subject, action, details, background, style, prompt: whole.join(/\p{Script=Han}/u.test(whole.join('')) ? '，' : ', ') };
  }
  const [subject = '', ...rest] = prompt.split(/[,，]\s*/);
  const style = rest.length > 1 ? rest.pop() : '';
  const background = rest.length > 0 ? rest.pop() : '';
  return { subject, action: '', details: rest, background, style, prompt };
}

/** The answer of `POST /v1/prompt/advice`. */
export function advice({ prompt }) {
  const length = tokens(prompt);
  const [steps, quality] = length < 14 ? [8, 'standard'] : length < 60 ? [9, 'standard'] : [9, 'high'];
  const [width, height] = quality === 'high' ? [1280, 1280] : [1024, 1024];
  const counts = { words: length, things: 2, relations: 1, texts: 0, faces: 0, details: 0 };
  const reason = { en: 'There is more than one thing in the picture.', zh: '画面里的东西不少。' };
  return { steps, quality, width, height, counts, reason };
}

function tokens(text) {
  return (text.match(/\p{Script=Han}|\w+|[^\s\w]/gu) ?? []).length;
}
