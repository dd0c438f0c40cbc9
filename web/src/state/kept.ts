// What the browser keeps for the page between visits. It does NOT know what it means.

const PREFIX = 'zao.';

/** What was kept under a name; `otherwise` where nothing was, or the browser keeps nothing. */
export function kept<T>(name: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

/** Keeps a value; without room, or in a private window, it is only for this visit. */
export function keep(name: string, value: unknown): void {
  try {
    if (value === null || value === undefined) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Nothing is lost that is not still on the page.
  }
}

const DATABASE = 'zao';
const STORE = 'files';

/** Keeps a text too large for `keep`, or forgets it. */
export async function keepLarge(name: string, value: string | null): Promise<void> {
  const store = await largeStore('readwrite');
  if (value === null) store?.delete(name);
  else store?.put(value, name);
}

/** What `keepLarge` kept. */
export async function keptLarge(name: string): Promise<string | null> {
  const store = await largeStore('readonly');
  if (!store) return null;
  return new Promise((resolve) => {
    const request = store.get(name);
    request.onsuccess = () => resolve(typeof request.result === 'string' ? request.result : null);
    request.onerror = () => resolve(null);
  });
}

function largeStore(mode: IDBTransactionMode): Promise<IDBObjectStore | null> {
  return new Promise((resolve) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result.transaction(STORE, mode).objectStore(STORE));
    request.onerror = () => resolve(null);
  });
}
