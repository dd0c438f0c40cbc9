import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { warning } from './warnings';

/** A source of the server, with its texts in one line each. */
function source(path: string): string {
  return readFileSync(new URL(`../../../crates/${path}`, import.meta.url), 'utf8').replace(/\\\n\s*/g, '');
}

const isChinese = (text: string) => /[一-鿿]/.test(text);

test('all that the server says about what had no effect is said in Chinese', () => {
  const [code] = source('zao-request/src/in_vain.rs').split('#[cfg(test)]');
  const sentences = [...(code ?? '').matchAll(/"([^"]*)"/g)].map(([, text]) => text as string).filter((text) => text.length > 20);
  expect(sentences.length).toBeGreaterThanOrEqual(6);
  for (const sentence of sentences) {
    expect(isChinese(warning(sentence, 'zh')), sentence).toBe(true);
  }
});

// What is said, where the server says it, and how that begins there.
const SAID: readonly [string, string, string, string][] = [
  [
    'the prompt is 1407 tokens long with its template; only 512 are read, the last 895 are cut off',
    '提示词连同模板共 1407 个词元，只读前 512 个，最后 895 个被截掉。',
    'zao-engine/src/work.rs',
    'tokens long with its template; only {MAX_TOKENS} are read, the last {} are cut off',
  ],
  [
    'the negative prompt is 600 tokens long with its template; only 512 are read, the last 88 are cut off',
    '“不要出现”连同模板共 600 个词元，只读前 512 个，最后 88 个被截掉。',
    'zao-engine/src/work.rs',
    '"the {which} is {} tokens long',
  ],
  [
    'drawing 768x512, draft quality, since high has no room: a complex prompt: 6 things, 1 relation, 2 texts to draw, 61 words; text and faces need room',
    '按“草稿”画 768 × 512，“精细”放不下：复杂的提示词，6 个事物、1 处关系、2 段文字、61 个词；文字和人脸需要更大的画面。',
    'zao-request/src/size.rs',
    '"drawing {size}, {quality} quality{instead}: {}"',
  ],
  [
    'drawing in 7 steps of usually 8: a simple prompt: 1 thing, 2 words',
    '画 7 步（通常 8 步）：简单的提示词，1 个事物、2 个词。',
    'zao-request/src/jobs.rs',
    '"drawing in {steps} steps of usually {own}: {reason}"',
  ],
  [
    'memory is short: 512x512 is drawn in place of 1024x1024, as was allowed; the same seed draws another picture at another size',
    '内存不够：按允许的改画 512 × 512，代替 1024 × 1024；尺寸变了，同一个种子会画出另一幅。',
    'zao-engine/src/work.rs',
    'memory is short: {size} is drawn in place of {width}x{height}',
  ],
  [
    'memory is short: the picture of 2048x2048 is decoded in 4 bands; it will be the same, only later',
    '内存不够：2048 × 2048 的画分 4 条成像，结果一样，只是慢一些。',
    'zao-engine/src/work.rs',
    'memory is short: the picture of {}x{} is decoded in {bands} bands',
  ],
  [
    'nobody draws before zao was started again, the job waits until then: the card is gone',
    '服务器重新启动之前没有人画，任务会一直等到那时。',
    'zao-server/src/http/admission.rs',
    'nobody draws before zao was started again',
  ],
];

test.each(SAID)('%s', (english, chinese, path, begins) => {
  expect(source(path)).toContain(begins);
  expect(warning(english, 'zh')).toBe(chinese);
});

test('what is not known is shown as it is; in English a sentence is one, and a field keeps its name', () => {
  expect(warning('the moon is full', 'zh')).toBe('the moon is full');
  expect(warning('the moon is full', 'en')).toBe('The moon is full.');
  expect(warning('negative_prompt has no effect', 'en')).toBe('negative_prompt has no effect.');
});
