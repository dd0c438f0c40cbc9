// How the page looks and speaks: language, light or dark. It does NOT know what it shows.

import { en, type Dictionary } from '../i18n/en';
import { zh } from '../i18n/zh';
import { keep, kept } from './kept';

export type Language = 'en' | 'zh';
export type Theme = 'system' | 'light' | 'dark';

const DICTIONARIES: Record<Language, Dictionary> = { en, zh };
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

class View {
  language = $state<Language>(kept<Language | null>('language', null) ?? preferred());
  theme = $state<Theme>(kept<Theme>('theme', 'system'));
  words = $derived(DICTIONARIES[this.language]);
  /** How dates are written: as the visitor's own kind of the language has it. */
  locale = $derived(navigator.languages.find((tag) => tag.startsWith(this.language)) ?? this.words.tag);

  /** Makes the document follow; called once. */
  start(): void {
    $effect.root(() => {
      $effect(() => {
        document.documentElement.lang = this.words.tag;
        document.documentElement.dataset.theme = this.theme;
      });
    });
  }

  otherLanguage(): void {
    this.language = this.language === 'en' ? 'zh' : 'en';
    keep('language', this.language);
  }

  nextTheme(): void {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length] ?? 'system';
    keep('theme', this.theme);
  }
}

function preferred(): Language {
  return navigator.languages.find((tag) => /^(zh|en)\b/i.test(tag))?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export const view = new View();
