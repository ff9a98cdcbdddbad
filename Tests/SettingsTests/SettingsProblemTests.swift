import Primitives
import Settings
import Testing

/// A change of the smallest settings, and all that must be said about it.
struct Mistake: CustomTestStringConvertible, Sendable {
    let line: String
    let written: String
    let problems: [String]

    init(_ line: String, _ written: String, _ problems: String...) {
        self.line = line
        self.written = written
        self.problems = problems
    }

    var text: String { SettingsText.smallest.replacing(self.line, with: self.written, maxReplacements: 1) }
    var testDescription: String { self.written }
}

@Suite struct SettingsProblemTests {
    @Test func smallest_isAccepted() { #expect(SettingsText.problems(SettingsText.smallest) == []) }

    @Test(arguments: Self.keys + Self.values + Self.contradictions)
    func mistake_isReportedAtItsPlaceWithWhatIsAllowed(mistake: Mistake) {
        #expect(mistake.text != SettingsText.smallest, "the line to change is not there")
        #expect(SettingsText.problems(mistake.text) == mistake.problems)
    }

    static let keys = [
        Mistake(
            "    inflow: 120/s",
            "    inflow: 120/s\n    brust: 40",
            "sluice.yaml:10:5: rooms.onsale.brust: unknown key; did you mean burst?; allowed here: slots, inflow, burst, "
                + "session_length, claim_window, horizon, opens_at, title, language, cors_preflight, bind, per_visitor, "
                + "retention, journal_keep, journal_entries, journal_export"
        ),
        Mistake(
            "listen:",
            "burst: 40\nlisten:",
            "sluice.yaml:1:1: burst: unknown key; it is known as rooms.*.burst; allowed here: generation, listen, admin, "
                + "controller, state_folder, redis, redis_access, loops, log, limits, forwarding, access_log, ticket_period, "
                + "signing_keys, pools, rooms, routes"
        ),
        Mistake(
            "    room: onsale",
            "    room: onsale\n    \"a b\\n\": 1",
            "sluice.yaml:13:5: routes[0].\"a b?\": unknown key; allowed here: host, path, pool, room, paths"
        ),
        Mistake(
            "    slots: 2000",
            "    slots: 2000\n    slots: 3000",
            "sluice.yaml:9:5: rooms.onsale.slots: the key is already there at line 8; keep one of the two"
        ),
        Mistake(
            "  tickets:",
            "  tickets: {}\n  \"tickets\":",
            "sluice.yaml:5:3: pools.tickets: the key is already there at line 4; keep one of the two"
        ),
        Mistake(
            "    inflow: 120/s",
            "    burst: 3",
            "sluice.yaml:8:5: rooms.onsale.inflow: the key is missing; it must be a rate from 0/s to 100000/s, such as "
                + "120/s or 600/min"
        ),
        Mistake(
            "- address: 127.0.0.1:8080",
            "- address: 127.0.0.1:8080\n    tls: {certificate: a.pem}",
            "sluice.yaml:3:10: listen[0].tls.key: the key is missing; it must be a path (from the folder of this file, "
                + "unless it begins with /) of at most 4096 bytes",
            "sluice.yaml:3:11: listen[0].tls.certificate: /etc/a.pem cannot be opened: No such file or directory; name a "
                + "readable PEM file"
        ),
        Mistake(
            "  onsale:\n",
            "  On Sale:\n",
            "sluice.yaml:7:3: rooms.\"On Sale\": this name cannot be used; allowed: 1 to 32 small letters, digits, - and _, "
                + "the first a letter or a digit",
            "sluice.yaml:12:5: routes[0].room: there is no room named onsale; known under rooms: there is none"
        ),
    ]

    private static let bindings =
        "allowed: none, address/V4/V6 with the bits of the prefixes (24 to 32, 48 to 64), header/NAME or cookie/NAME"

    static let values = [
        Mistake(
            "listen:",
            "forwarding: {trusted_proxies: [unix, 10.0.0.1/8], request_id: Cookie}\nlisten:",
            "sluice.yaml:1:38: forwarding.trusted_proxies[1]: found \"10.0.0.1/8\", which has bits behind its prefix: "
                + "write 10.0.0.0/8; allowed: an address, a range such as 10.0.0.0/8 or 2001:db8::/32, or unix",
            "sluice.yaml:1:63: forwarding.request_id: found \"Cookie\", which says something else about a message; "
                + "allowed: null or a field's name such as X-Request-ID, of at most 64 letters, digits and -"
        ),
        Mistake(
            "listen:",
            "generation: 0\nlisten:",
            "sluice.yaml:1:13: generation: found \"0\", which is too small; allowed: auto or a whole number from 1 to "
                + "1000000000000"
        ),
        Mistake(
            "    inflow: 120/s",
            "    inflow: 120/s\n    bind: adress/24/56",
            "sluice.yaml:10:11: rooms.onsale.bind: found \"adress/24/56\", did you mean address?; \(bindings)"
        ),
        Mistake(
            "    inflow: 120/s",
            "    inflow: 120/s\n    bind: address/16/56",
            "sluice.yaml:10:11: rooms.onsale.bind: found \"address/16/56\", whose IPv4 prefix is not 24 to 32; "
                + bindings
        ),
        Mistake(
            "    inflow: 120/s",
            "    inflow: 120/s\n    bind: cookie/sluice-pass-onsale",
            "sluice.yaml:10:11: rooms.onsale.bind: found \"cookie/sluice-pass-onsale\", whose name tells nothing about who "
                + "asks; \(bindings)"
        ),
        Mistake(
            "    inflow: 120/s",
            "    inflow: 120/s\n    bind: header/a b",
            "sluice.yaml:10:11: rooms.onsale.bind: found \"header/a b\", whose name is not 1 to 64 letters, digits and "
                + "-._~; \(bindings)"
        ),
        Mistake(
            "    inflow: 120/s",
            "    inflow: 120/s\n    retention: 1m",
            "sluice.yaml:10:16: rooms.onsale.retention: found \"1m\", which is too small; allowed: a duration from 1h to "
                + "366d, such as 30s"
        ),
        Mistake(
            "slots: 2000",
            "slots: many",
            "sluice.yaml:8:12: rooms.onsale.slots: found \"many\"; allowed: a whole number from 1 to 10000000"
        ),
        Mistake(
            "slots: 2000",
            "slots: \"2000\"",
            "sluice.yaml:8:12: rooms.onsale.slots: found \"2000\", which is a text because of its quotes; allowed: a whole "
                + "number from 1 to 10000000"
        ),
        Mistake(
            "slots: 2000",
            "slots: 0",
            "sluice.yaml:8:12: rooms.onsale.slots: found \"0\", which is too small; allowed: a whole number from 1 to 10000000"
        ),
        Mistake(
            "slots: 2000",
            "slots: [2000]",
            "sluice.yaml:8:12: rooms.onsale.slots: found a list; allowed: a whole number from 1 to 10000000"
        ),
        Mistake(
            "slots: 2000",
            "slots:",
            "sluice.yaml:8:11: rooms.onsale.slots: found nothing; allowed: a whole number from 1 to 10000000"
        ),
        Mistake(
            "120/s",
            "120",
            "sluice.yaml:9:13: rooms.onsale.inflow: found \"120\", which has no unit (per second or per minute?); allowed: "
                + "a rate from 0/s to 100000/s, such as 120/s or 600/min"
        ),
        Mistake(
            "120/s",
            "120/s\n    horizon: 2",
            "sluice.yaml:10:14: rooms.onsale.horizon: found \"2\", which has no unit (30 what?); allowed: a duration from "
                + "100ms to 1m, such as 30s"
        ),
        Mistake(
            "120/s",
            "120/s\n    horizon: 2min",
            "sluice.yaml:10:14: rooms.onsale.horizon: found \"2min\", whose unit is not one of ms, s, m, h and d; allowed: "
                + "a duration from 100ms to 1m, such as 30s"
        ),
        Mistake(
            "120/s",
            "120/s\n    horizon: 2h",
            "sluice.yaml:10:14: rooms.onsale.horizon: found \"2h\", which is too large; allowed: a duration from 100ms to "
                + "1m, such as 30s"
        ),
        Mistake(
            "120/s",
            "120/s\n    opens_at: 2026-11-23T18:00:00",
            "sluice.yaml:10:15: rooms.onsale.opens_at: found \"2026-11-23T18:00:00\", which has no zone: end it with Z, or "
                + "with an offset such as +01:00; allowed: null or a time with its zone, such as 2026-11-23T18:00:00Z"
        ),
        Mistake(
            "max_workers: 4",
            "scaling: {prewarm: [4 workers at noon]}",
            "sluice.yaml:5:25: pools.tickets.scaling.prewarm[0]: found \"4 workers at noon\"; allowed: workers for a time, such as 20 workers from "
                + "2026-11-28T19:30:00Z for 2h"
        ),
        Mistake(
            "max_workers: 4",
            "scaling: {prewarm: [0 workers from 2026-11-28T19:30:00Z for 2h, 1 worker from 2026-11-28T19:30:00Z for 2s, "
                + "1 worker from 2026-11-28 for 1h]}",
            "sluice.yaml:5:25: pools.tickets.scaling.prewarm[0]: found \"0 workers from 2026-11-28T19:30:00Z for 2h\", in "
                + "which 0 is not a number of workers from 1 to 1000; allowed: workers for a time, such as 20 workers from "
                + "2026-11-28T19:30:00Z for 2h",
            "sluice.yaml:5:69: pools.tickets.scaling.prewarm[1]: found \"1 worker from 2026-11-28T19:30:00Z for 2s\", in "
                + "which 2s is not between 1m and 31d; allowed: workers for a time, such as 20 workers from 2026-11-28T19:30:00Z for 2h",
            "sluice.yaml:5:112: pools.tickets.scaling.prewarm[2]: found \"1 worker from 2026-11-28 for 1h\", which is a day "
                + "without a time and a zone; allowed: workers for a time, such as 20 workers from 2026-11-28T19:30:00Z for 2h"
        ),
        Mistake(
            "listen:",
            "limits: {body_bytes: 8MB}\nlisten:",
            "sluice.yaml:1:22: limits.body_bytes: found \"8MB\", whose unit is not one of B, KiB, MiB and GiB; allowed: a "
                + "size from 0B to 64GiB, such as 16KiB"
        ),
        Mistake(
            "listen:",
            "limits: {min_rate: 500B}\nlisten:",
            "sluice.yaml:1:20: limits.min_rate: found \"500B\", which is not a size per second (behind the size stands /s); "
                + "allowed: a rate from 0B/s to 1GiB/s, such as 500B/s or 16KiB/s"
        ),
        Mistake(
            "listen:",
            "limits: {buffered_body_bytes: 2MiB, buffer_bytes: 64KiB}\nlisten:",
            "sluice.yaml:1:31: limits.buffered_body_bytes: found \"2MiB\", which is too large; allowed: a size from 0B to "
                + "1MiB, such as 16KiB",
            "sluice.yaml:1:51: limits.buffer_bytes: found \"64KiB\", which is too small; allowed: a size from 1MiB to "
                + "64GiB, such as 16KiB"
        ),
        Mistake(
            "120/s",
            "120/s\n    cors_preflight: yes",
            "sluice.yaml:10:21: rooms.onsale.cors_preflight: found \"yes\"; allowed: true or false"
        ),
        Mistake(
            "room: onsale",
            "room: onsale\n    paths: exakt",
            "sluice.yaml:13:12: routes[0].paths: found \"exakt\", did you mean exact?; allowed: every-reading, exact"
        ),
        Mistake(
            "listen:",
            "loops: fast\nlisten:",
            "sluice.yaml:1:8: loops: found \"fast\"; allowed: auto or a whole number from 1 to 256"
        ),
        Mistake(
            "listen:",
            "log: {level: wran}\nlisten:",
            "sluice.yaml:1:14: log.level: found \"wran\"; allowed: trace, debug, info, notice, warning, error, critical"
        ),
        Mistake(
            "listen:",
            "log: {level: waring}\nlisten:",
            "sluice.yaml:1:14: log.level: found \"waring\", did you mean warning?; allowed: trace, debug, info, notice, "
                + "warning, error, critical"
        ),
        Mistake(
            "listen:",
            "log: loud\nlisten:",
            "sluice.yaml:1:6: log: found \"loud\"; allowed: a mapping with the keys level, format"
        ),
        Mistake(
            "127.0.0.1:8080",
            "localhost:8080",
            "sluice.yaml:2:14: listen[0].address: found \"localhost:8080\", whose host is not an IP address (names are not "
                + "looked up); allowed: an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/sluice.sock; port 0 "
                + "picks a free one"
        ),
        Mistake(
            "listen:",
            "redis: redis://:hunter2@host:x\nlisten:",
            "sluice.yaml:1:8: redis: found \"redis://***@host:x\", whose port is not a number from 1 to 65535; allowed: "
                + "embedded, memory, unix:/path, redis://[[user]:password@]host[:port][/database], redis+sentinel://...host,host/master "
                + "or redis+cluster://...host,host; rediss for TLS"
        ),
        Mistake(
            "listen:",
            "signing_keys: [{id: 1, secret: hunter2}]\nlisten:",
            "sluice.yaml:1:32: signing_keys[0].secret: found a text of 7 bytes; allowed: null or a text of 32 to 256 bytes"
        ),
        Mistake(
            "max_workers: 4",
            "worker: {spread: 0x1p3}",
            "sluice.yaml:5:22: pools.tickets.worker.spread: found \"0x1p3\"; allowed: a number from 0 to 3"
        ),
        Mistake(
            "max_workers: 4",
            "command: [run, null]",
            "sluice.yaml:5:20: pools.tickets.command[1]: found \"null\"; allowed: a text of at most 4096 bytes"
        ),
        Mistake(
            "- pool: tickets",
            "- pool: tickets\n    path: /a/",
            "sluice.yaml:12:11: routes[0].path: found \"/a/\", which ends with a slash: leave it out, the path covers itself "
                + "and all below it; allowed: a path such as / or /tickets"
        ),
    ]

    @Test func manyMistakes_areReportedTogetherInTheOrderOfTheFile() {
        let text = SettingsText.smallest
            .replacing("127.0.0.1:8080", with: "nowhere").replacing("max_workers: 4", with: "max_worker: 0")
            .replacing("120/s", with: "fast").replacing("pool: tickets", with: "pool: cinema")
        let places = SettingsText.problems(text).map { $0.prefix { $0 != " " } }
        #expect(places == ["sluice.yaml:2:14:", "sluice.yaml:5:5:", "sluice.yaml:9:13:", "sluice.yaml:11:5:"])
    }

    /// What contradicts a refused value may not contradict what was meant.
    @Test func refusedValue_isNotContradicted() {
        let text = SettingsText.smallest.replacing("max_workers: 4", with: "max_workers: 99999\n    min_workers: 7")
        #expect(SettingsText.problems(text).count == 1)
    }

    @Test func thousandMistakes_areCutToTheLimit() {
        let keys = (0..<1000).map { "key\($0): 1\n" }.joined()
        #expect(SettingsText.problems(keys + SettingsText.smallest).count == SettingsError.maxProblems)
    }

    @Test func nothing_asksForWhatIsRequired() {
        #expect(
            SettingsText.problems("").map { $0.prefix(20) } == [
                "sluice.yaml:1:1: lis", "sluice.yaml:1:1: poo", "sluice.yaml:1:1: rou",
            ]
        )
    }

    @Test func secret_isNeverShown() throws {
        let secret = "correct horse battery staple, 32 bytes"
        let text =
            "signing_keys: [{id: 1, secret: \"\(secret)\"}]\nredis: redis://:\(secret.prefix(7))@host\n"
            + SettingsText.smallest
        let settings = try SettingsText.decode(text)
        #expect(settings.signingKeys.first?.secret?.bytes == Array(secret.utf8))
        var other = settings
        other.signingKeys[0].secret = Secret(Array("battery horse correct staple, 32 bytes".utf8))
        other.redis = .embedded
        var dumped = ""
        dump(settings, to: &dumped)
        let changes = Settings.changes(from: settings, to: other)
        #expect(changes.count == 2)
        for text in [dumped, "\(settings)", "\(changes)", String(reflecting: settings)] {
            #expect(!text.contains("horse") && !text.contains("correct"))
        }
    }
}
