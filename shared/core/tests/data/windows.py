#!/usr/bin/env python3
"""Writes windows.json: what is open when, worked out with Python's own zones and by trying every quarter of an hour.

    python3 windows.py > windows.json        # needs Python 3.11 with its time zones, and python-dateutil

Nothing here is clever, so that it can be believed: a beginning becomes an instant by looking at all quarters of an hour
around it, and what is open is asked of each quarter in turn. All times below are on quarters of an hour.
"""

import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

QUARTER = timedelta(minutes=15)
UTC = timezone.utc
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ZONES = [
    "Europe/Berlin", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Santiago",
    "Pacific/Auckland", "Africa/Cairo", "America/St_Johns", "Atlantic/Azores", "Asia/Beirut", "Asia/Jerusalem",
]


def clock(zone, at):
    return at.astimezone(zone).replace(tzinfo=None)


def instants(zone, wanted):
    """The first and the last instant of what the clock shows; where it is skipped, the first after the skip, twice."""
    at = wanted.replace(tzinfo=UTC) - timedelta(hours=27)
    tries = [at + QUARTER * n for n in range(54 * 4)]
    shown = [t for t in tries if clock(zone, t) == wanted]
    if not shown:
        shown = [b for a, b in zip(tries, tries[1:]) if clock(zone, a) < wanted < clock(zone, b)]
    return shown[0], shown[-1]


def moment(zone, text):
    if text.endswith("Z"):
        at = datetime.fromisoformat(text)
        return at, at
    return instants(zone, datetime.fromisoformat(text))


def cron_matches(pattern, at):
    """Numbers, `*`, lists, and names of days; that is all that is used below."""
    minute, hour, day, month, weekday = pattern.split()
    fits = lambda field, value: field == "*" or str(value) in field.split(",")
    if not (fits(minute, at.minute) and fits(hour, at.hour) and fits(month, at.month)):
        return False
    by_day, by_weekday = fits(day, at.day), fits(weekday, DAYS[at.weekday()].upper())
    return by_day and by_weekday if "*" in (day, weekday) else by_day or by_weekday


def begins(window, first, last):
    """The beginnings on the clock between two days."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if "weekly" in window:
        start = datetime.strptime(window["weekly"]["start"], "%H:%M").time()
        return [datetime.combine(d, start) for d in days if DAYS[d.weekday()] in window["weekly"]["days"]]
    if "cron" in window:
        quarters = [datetime.combine(d, datetime.min.time()) + QUARTER * n for d in days for n in range(96)]
        return [at for at in quarters if cron_matches(window["cron"], at)]
    rule = rrulestr(window["rrule"], dtstart=datetime.fromisoformat(window["start"]))
    noon = lambda d: datetime.combine(d, datetime.min.time())
    return rule.between(noon(first), noon(last + timedelta(days=1)), inc=True)


def length(text):
    return timedelta(**{{"h": "hours", "m": "minutes", "d": "days"}[text[-1]]: int(text[:-1])})


def intervals(window, first, last):
    zone = ZoneInfo(window.get("zone", "UTC"))
    if "once" in window:
        start, end = moment(zone, window["once"]["from"])[0], moment(zone, window["once"]["to"])
        return [(start, end[1] if "freeze" in window["name"] else end[0])]
    if "dates" in window:
        days = [datetime.fromisoformat(d) for d in window["dates"]]
        return [(instants(zone, d)[0], instants(zone, d + timedelta(days=1))[0]) for d in days]
    starts = [instants(zone, at)[0] for at in begins(window, first, last)]
    return [(start, start + length(window["duration"])) for start in starts]


def case(name, now, windows, freezes=(), ahead=420):
    now = datetime.fromisoformat(now) if isinstance(now, str) else now
    first, last = (now - timedelta(days=34)).date(), (now + timedelta(days=ahead)).date()
    opens = [i for w in windows for i in intervals(w, first, last)]
    closed = [i for f in freezes for i in intervals(f, first, last)]
    inside = lambda all, at: any(a <= at < b for a, b in all)
    is_open = lambda at: (not windows or inside(opens, at)) and not inside(closed, at)
    limit = now + timedelta(days=ahead)
    at = now
    while at < limit and not is_open(at):
        at += QUARTER
    next_open = at if at < limit else None
    while at < limit and is_open(at):
        at += QUARTER
    closes = at if next_open == now and at < limit else None
    text = lambda at: at and at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    result = {"name": name, "windows": list(windows), "freezes": list(freezes), "now": text(now)}
    return result | {"open": next_open == now, "next_open": text(next_open), "closes_at": text(closes)}


def changes(zone_name):
    """The instants of 2026 at which the clock jumps, with what it would have shown and what it shows."""
    zone, at = ZoneInfo(zone_name), datetime(2026, 1, 1, tzinfo=UTC)
    while at.year == 2026:
        before = clock(zone, at - QUARTER) + QUARTER
        if before != clock(zone, at):
            yield at, before, clock(zone, at)
        at += QUARTER


def weekly(zone, at, duration):
    days = {"days": [DAYS[at.weekday()]], "start": at.strftime("%H:%M")}
    return {"name": "w", "zone": zone, "weekly": days, "duration": duration}


def nights():
    hour = timedelta(hours=1)
    for zone in ZONES:
        for at, before, after in changes(zone):
            if after > before:
                skipped = weekly(zone, before + QUARTER, "1h")
                yield case(f"{zone}: an hour before the skipped beginning", at - hour, [skipped], ahead=40)
                yield case(f"{zone}: the first instant after the skip", at, [skipped], ahead=40)
                yield case(f"{zone}: an hour after the skip it is over", at + hour, [skipped], ahead=40)
                long = weekly(zone, before - hour, "3h")
                yield case(f"{zone}: three hours over the skip, near the end", at + hour, [long], ahead=40)
                yield case(f"{zone}: three hours over the skip are over", at + hour * 2, [long], ahead=40)
            else:
                twice = weekly(zone, after + QUARTER, "15m")
                first = at - (before - after) + QUARTER
                yield case(f"{zone}: before the first of the two", first - QUARTER, [twice], ahead=40)
                yield case(f"{zone}: the first of the two", first, [twice], ahead=40)
                yield case(f"{zone}: not the second of the two", at + QUARTER, [twice], ahead=40)
                long = weekly(zone, after - hour, "3h")
                yield case(f"{zone}: three hours over the double hour", at, [long], ahead=40)
                yield case(f"{zone}: three hours, not four", first - QUARTER + hour * 2, [long], ahead=40)


def cron(pattern, zone, duration):
    return {"name": "c", "zone": zone, "cron": pattern, "duration": duration}


def rule(text, start, zone, duration):
    return {"name": "r", "zone": zone, "rrule": text, "start": start, "duration": duration}


def once(name, start, end, zone=None):
    return {"name": name} | ({"zone": zone} if zone else {}) | {"once": {"from": start, "to": end}}


def others():
    crons = [
        ("30 2 * * SUN", "Europe/Berlin", "1h"), ("0 22 * * MON,TUE,WED", "Asia/Shanghai", "8h"),
        ("15 3 1 * *", "Asia/Kolkata", "2h"), ("0 0 29 2 *", "UTC", "24h"), ("45 23 31 * *", "Asia/Kathmandu", "30m"),
        ("0 4,16 * * *", "America/Sao_Paulo", "45m"), ("0 6 13 * FRI", "Europe/Paris", "1h"),
    ]
    for pattern, zone, duration in crons:
        for now in ["2026-03-29T00:30:00Z", "2026-07-13T04:00:00Z", "2026-12-31T23:45:00Z", "2027-10-31T20:15:00Z"]:
            yield case(f"cron {pattern} in {zone}", now, [cron(pattern, zone, duration)], ahead=800)
    rules = [
        ("FREQ=MONTHLY;BYDAY=1SU", "2026-01-01T02:30", "Europe/Berlin", "2h"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-01T22:00", "America/New_York", "6h"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-01T20:00", "Europe/London", "3h"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-01T01:00", "Asia/Tokyo", "90m"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-01T01:00", "Asia/Tokyo", "1h"),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "2026-01-01T13:00", "UTC", "1h"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "2026-01-06T03:00", "Pacific/Auckland", "2h"),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU", "2026-01-06T03:00", "UTC", "2h"),
        ("FREQ=WEEKLY", "2026-01-07T12:00", "America/St_Johns", "1h"),
        ("FREQ=DAILY;INTERVAL=10", "2026-01-01T00:00", "UTC", "3h"),
        ("FREQ=DAILY;BYMONTH=12;BYDAY=SA", "2026-01-01T00:00", "Europe/Berlin", "3h"),
        ("FREQ=DAILY;COUNT=90", "2026-01-01T02:30", "Europe/Berlin", "1h"),
        ("FREQ=DAILY;UNTIL=20260329T235959", "2026-01-01T02:30", "Europe/Berlin", "1h"),
        ("FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", "2026-01-01T02:30", "Europe/Berlin", "1h"),
        ("FREQ=YEARLY", "2026-04-05T01:45", "Australia/Lord_Howe", "1h"),
        ("FREQ=YEARLY;BYDAY=20MO", "2026-01-01T09:00", "UTC", "1h"),
        ("FREQ=YEARLY;BYMONTHDAY=1,15", "2026-01-01T09:00", "UTC", "1h"),
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=7", "2026-07-04T09:00", "America/New_York", "1h"),
        ("FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU;COUNT=5", "2026-01-13T18:00", "America/New_York", "4h"),
    ]
    for text, start, zone, duration in rules:
        for now in ["2026-03-29T01:00:00Z", "2026-06-05T06:30:00Z", "2026-10-25T00:30:00Z"]:
            yield case(f"rule {text} in {zone}", now, [rule(text, start, zone, duration)], ahead=800)
    berlin = weekly("Europe/Berlin", datetime(2026, 12, 23, 22, 0), "12h")
    christmas = {"name": "freeze", "zone": "Europe/Berlin", "dates": ["2026-12-24", "2026-12-25", "2026-12-26"]}
    for now in ["2026-12-23T20:45:00Z", "2026-12-23T21:00:00Z", "2026-12-23T22:45:00Z", "2026-12-23T23:00:00Z",
                "2026-12-24T08:00:00Z", "2026-12-26T23:00:00Z"]:
        yield case("a window that runs into a freeze", now, [berlin], [christmas], ahead=40)
        yield case("a freeze without any window", now, [], [christmas], ahead=40)
    fold = once("freeze by the clock, ended by what is shown twice", "2026-10-24T12:00", "2026-10-25T02:30", "Europe/Berlin")
    single = once("w ended by what is shown twice", "2026-10-24T12:00", "2026-10-25T02:30", "Europe/Berlin")
    for now in ["2026-10-24T10:00:00Z", "2026-10-25T00:15:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]:
        yield case("a freeze ends at the second", now, [], [fold], ahead=40)
        yield case("a single window ends at the first", now, [single], ahead=40)
        yield case("instants know no clock", now, [once("w", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")], ahead=40)
    meeting = [weekly("UTC", datetime(2026, 5, 4, 22, 0), "2h"), weekly("UTC", datetime(2026, 5, 5, 0, 0), "2h")]
    for now in ["2026-05-04T21:45:00Z", "2026-05-04T22:00:00Z", "2026-05-05T00:00:00Z", "2026-05-05T02:00:00Z"]:
        yield case("two windows that meet are one", now, meeting, ahead=40)
    skipped_day = once("freeze on a day that the island of Samoa skipped", "2011-12-30T06:00", "2011-12-31T06:00", "Pacific/Apia")
    for now in ["2011-12-30T09:45:00Z", "2011-12-30T10:00:00Z", "2011-12-30T16:00:00Z"]:
        yield case("a day that never was", now, [], [skipped_day], ahead=40)


cases = [*nights(), *others()]
print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
