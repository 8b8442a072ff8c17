// The user's token: from the address (`/#token=…`) or the form, kept for this browser tab only.

const KEY = "testbed-token";

export function token() {
  return sessionStorage.getItem(KEY);
}

export function remember(text) {
  sessionStorage.setItem(KEY, text.trim());
}

export function forget() {
  sessionStorage.removeItem(KEY);
}

// Take the token out of the address bar, so that it is neither bookmarked nor seen over a shoulder.
export function takeFromAddress() {
  const found = /^#token=([^&]+)/.exec(location.hash);
  if (!found) return false;
  let text = found[1];
  try { text = decodeURIComponent(text); } catch { /* not encoded: taken as it is */ }
  history.replaceState(null, "", location.pathname + "#/");
  remember(text);
  return true;
}

// Who the token says we are. For display only; the server checks the signature.
export function claims() {
  try {
    const part = token().split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const read = JSON.parse(new TextDecoder().decode(bytes));
    return { user: String(read.sub ?? ""), project: String(read.project ?? "") };
  } catch {
    return { user: "", project: "" };
  }
}
