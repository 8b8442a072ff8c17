// How states, times and shares read. The states' sentences are the field's: they explain, they do not decorate.

export const STATES = {
  pending: { mark: "○", word: "pending", says: "Asked for; nothing was sent to a participant yet." },
  executing: { mark: "▶", word: "executing", says: "Its intents are durable and its steps run." },
  committed: { mark: "✓", word: "committed", says: "The commit record is durable; it only goes forward." },
  rolling_back: { mark: "↩", word: "rolling back", says: "Every step that started is being undone, last in, first out." },
  rolled_back: { mark: "↩", word: "rolled back", says: "Nothing of it is left anywhere." },
  failed: { mark: "‖", word: "failed", says: "Its rollback is stuck: a dead letter waits for an operator or the slow automatic retry." },
};

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const ms = Math.max(0, seconds) * 1000;
  if (ms < 1) return "0 ms";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  if (seconds < 7170) return `${Math.round(seconds / 60)} min`;
  if (seconds < 171000) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

// Seconds since a saga's start, to the millisecond: neighbours on a timeline must not read the same.
export function offset(seconds) {
  if (seconds < 1) return `+${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `+${seconds.toFixed(3)} s`;
  return seconds < 7200 ? `+${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `+${duration(seconds)}`;
}

export function age(seconds) {
  return seconds < 2 ? "just now" : `${duration(Math.floor(seconds))} ago`;
}

export function percent(share) {
  if (share === null || share === undefined) return "–";
  const value = share * 100;
  // 99.96 % is not "100 %": a rounded figure must not hide the one that failed.
  if (value > 99.9 && value < 100) return "> 99.9 %";
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${Number(value.toFixed(1))} %`;
}

export function clockTime(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

export function count(number, one, many) {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`;
}
