// Puts the page into the document. It does NOT know what is on it.

import { mount } from 'svelte';

import App from './components/App.svelte';
import { start } from './state/start';
import { view } from './state/view.svelte';
import './styles/tokens.css';
import './styles/base.css';

view.start();
void start();
mount(App, { target: document.querySelector('#page') ?? document.body });
