// What the server remarks about a job, as the page says it. It sends English sentences without a code, so
// those that are known are told in Chinese by how they begin. It does NOT say what went wrong.

type Parts = readonly string[];

const TIERS: Record<string, string> = { draft: '草稿', standard: '标准', high: '精细' };
const KINDS: Record<string, string> = { simple: '简单', usual: '一般', complex: '复杂' };
const COUNTED: readonly (readonly [RegExp, string])[] = [
  [/(\d+) things?\b/, '个事物'],
  [/(\d+) relations?\b/, '处关系'],
  [/(\d+) details?\b/, '处细节'],
  [/(\d+) texts? to draw\b/, '段文字'],
  [/(\d+) faces?\b/, '张脸'],
  [/(\d+) words?\b/, '个词'],
];

/** What each sentence begins with, and the same in Chinese, with what its groups found. */
const CHINESE: readonly (readonly [RegExp, (parts: Parts) => string])[] = [
  [/^negative_prompt has no effect/, () => '没有引导时，“不要出现”不起作用。'],
  [/^cfg_normalization has no effect/, () => '没有引导时，cfg_normalization 不起作用。'],
  [/^cfg_truncation has no effect/, () => '没有引导时，cfg_truncation 不起作用。'],
  [/^strength has no effect/, () => '没有起始图片时，“改动多少”不起作用。'],
  [/^quality has no effect/, () => '已指定宽和高，质量不起作用。'],
  [/^a <lora:\.\.\.> in the prompt/, () => '提示词里的 <lora:…> 只当作文字，请在“风格（LoRA）”里添加。'],
  [
    /^the (negative )?prompt is (\d+) tokens long with its template; only (\d+) are read, the last (\d+)/,
    ([negative, all, read, cut]) => `${negative ? '“不要出现”' : '提示词'}连同模板共 ${all} 个词元，只读前 ${read} 个，最后 ${cut} 个被截掉。`,
  ],
  [
    /^drawing (\d+)x(\d+), (\w+) quality(?:, since (\w+) has no room)?: (.*)/,
    ([width, height, tier = '', wanted, why = '']) =>
      `按“${TIERS[tier] ?? tier}”画 ${width} × ${height}${wanted ? `，“${TIERS[wanted] ?? wanted}”放不下` : ''}：${reason(why)}。`,
  ],
  [/^drawing in (\d+) steps of usually (\d+): (.*)/, ([steps, usual, why = '']) => `画 ${steps} 步（通常 ${usual} 步）：${reason(why)}。`],
  [/^this server takes up to (\d+) steps, so \d+ are drawn instead: (.*)/, ([most, rest = '']) => `这台服务器最多 ${most} 步，就画 ${most} 步。${chinese(rest)}`],
  [/^memory is short: (\d+)x(\d+) is drawn in place of (\d+)x(\d+)/, ([w, h, width, height]) => `内存不够：按允许的改画 ${w} × ${h}，代替 ${width} × ${height}；尺寸变了，同一个种子会画出另一幅。`],
  [/^memory is short: the picture of (\d+)x(\d+) is decoded in (\d+) bands/, ([width, height, bands]) => `内存不够：${width} × ${height} 的画分 ${bands} 条成像，结果一样，只是慢一些。`],
  [/^nobody draws before zao was started again/, () => '服务器重新启动之前没有人画，任务会一直等到那时。'],
];

/** A remark of the server in the language of the page. */
export function warning(sentence: string, language: 'en' | 'zh'): string {
  return language === 'zh' ? chinese(sentence) : english(sentence);
}

/** As a sentence begins and ends, but for names of fields, which begin as they do. */
function english(sentence: string): string {
  return `${sentence.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase())}.`;
}

function chinese(sentence: string): string {
  for (const [begins, say] of CHINESE) {
    const found = begins.exec(sentence);
    if (found) return say(found.slice(1));
  }
  return sentence;
}

/** Why a prompt needs so many steps, or such a size: what was counted in it. */
function reason(said: string): string {
  const kind = /^an? (\w+) prompt: /.exec(said)?.[1];
  if (!kind) return said;
  const counted = COUNTED.flatMap(([pattern, unit]) => {
    const count = pattern.exec(said)?.[1];
    return count ? [`${count} ${unit}`] : [];
  });
  const room = said.endsWith('text and faces need room') ? '；文字和人脸需要更大的画面' : '';
  return `${KINDS[kind] ?? kind}的提示词，${counted.join('、')}${room}`;
}
