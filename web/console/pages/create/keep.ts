/** Keeps drawings in the browser, so that none is lost before it is a model. */
const NAME = "gotapi-drawings";
const STORE = "drawings";

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no database"));
  });
}

async function within<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error("not kept"));
    });
  } finally {
    database.close();
  }
}

/** Keeps a drawing under a name; null forgets it. Fails where the browser keeps nothing. */
export async function keep(name: string, png: Blob | null): Promise<void> {
  if (png === null) await within("readwrite", (store) => store.delete(name));
  else await within("readwrite", (store) => store.put(png, name));
}

/** What was kept under a name. */
export async function kept(name: string): Promise<Blob | null> {
  return ((await within("readonly", (store) => store.get(name))) as Blob | undefined) ?? null;
}
