// Times as people here read them, by the service's clock.
'use strict';

const OFFICE_HOURS_OFFSET_MS = 7 * 3600 * 1000; // Asia/Ho_Chi_Minh, no summer time

let skew = 0; // the node's clock minus this PC's; an old PC's clock is often wrong

const now = () => Date.now() + skew;
const two = (n) => String(n).padStart(2, '0');
const local = (ms) => new Date(ms + OFFICE_HOURS_OFFSET_MS); // to be read with getUTC*
const dayOf = (ms) => { const t = local(ms); return `${two(t.getUTCDate())}/${two(t.getUTCMonth() + 1)}/${t.getUTCFullYear()}`; };
const hourOf = (ms) => { const t = local(ms); return `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`; };
const timeOf = (ms) => (dayOf(ms) === dayOf(now()) ? w('today_at', hourOf(ms)) : `${hourOf(ms)} ${dayOf(ms)}`);

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return w('seconds', s);
  if (s < 3600) return w('minutes', Math.floor(s / 60));
  if (s < 48 * 3600) return w('hours', Math.floor(s / 3600));
  return w('days', Math.floor(s / 86400));
}
