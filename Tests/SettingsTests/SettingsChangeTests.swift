import Settings
import Testing

@Suite struct SettingsChangeTests {
    private func settings(_ line: String, _ written: String) throws -> Settings {
        try SettingsText.decode(SettingsText.smallest.replacing(line, with: written))
    }

    @Test func nothingChanged_listsNothing() throws {
        let settings = try SettingsText.decode(SettingsText.smallest)
        #expect(Settings.changes(from: settings, to: settings) == [])
        #expect(Settings.effective(running: settings, loaded: settings) == settings)
    }

    @Test func liveChange_isListedAndTaken() throws {
        let running = try SettingsText.decode(SettingsText.smallest)
        let loaded = try self.settings("inflow: 120/s", "inflow: 240/s\n    opens_at: 2026-11-23T18:00:00Z")
        let changes = Settings.changes(from: running, to: loaded)
        #expect(
            changes.map(\.description) == [
                "rooms.onsale.inflow: 120/s -> 240/s (live)",
                "rooms.onsale.opens_at: null -> 2026-11-23T18:00:00Z (live)",
            ]
        )
        #expect(Settings.effective(running: running, loaded: loaded) == loaded)
    }

    @Test func workersForATime_areTakenLive() throws {
        let running = try SettingsText.decode(SettingsText.smallest)
        let planned = "[1 worker from 2026-11-28T20:30:00+01:00 for 90m]"
        let loaded = try self.settings("max_workers: 4", "max_workers: 4\n    scaling: {prewarm: \(planned)}")
        #expect(
            Settings.changes(from: running, to: loaded).map(\.description) == [
                "pools.tickets.scaling.prewarm: [] -> [1 worker from 2026-11-28T19:30:00Z for 90m] (live)"
            ]
        )
        #expect(Settings.effective(running: running, loaded: loaded) == loaded)
    }

    @Test func slowClientsAndPathReadings_areTakenLive() throws {
        let running = try SettingsText.decode(SettingsText.smallest)
        let limits = "min_rate: 0B/s, body_total_timeout: 1m, buffered_body_bytes: 0B, buffer_bytes: 1GiB"
        let text = SettingsText.smallest
            .replacing("room: onsale", with: "room: onsale\n    paths: exact")
            .replacing("120/s", with: "120/s\n    cors_preflight: false")
        let loaded = try SettingsText.decode("limits: {\(limits)}\n" + text)
        #expect(loaded.limits.minimumBytesPerSecond == 0 && loaded.limits.bodyTotalTimeoutNanoseconds == 60_000_000_000)
        #expect(loaded.limits.bufferedBodyBytes == 0 && loaded.limits.bufferBytes == 1 << 30)
        #expect(!loaded.rooms[0].passesPreflight && loaded.routes[0].pathMatching == .exact)
        #expect(
            Settings.changes(from: running, to: loaded).map(\.description) == [
                "limits.buffered_body_bytes: 64KiB -> 0B (live)", "limits.buffer_bytes: 512MiB -> 1GiB (live)",
                "limits.body_total_timeout: 5m -> 1m (live)", "limits.min_rate: 500B/s -> 0B/s (live)",
                "rooms.onsale.cors_preflight: true -> false (live)",
                "routes: [*/ -> tickets through onsale] -> [*/ -> tickets through onsale (exact paths)] (live)",
            ]
        )
        #expect(Settings.effective(running: running, loaded: loaded) == loaded)
    }

    @Test func whatIsKeptOfARoom_andOfAVisitor_isTakenLive() throws {
        let running = try SettingsText.decode(SettingsText.smallest)
        let keys = """
            bind: address/24/56, per_visitor: {requests: 0, connections: 8}, retention: 1d, journal_keep: 1h, \
            journal_entries: 5000, journal_export: spool
            """
        let loaded = try SettingsText.decode(
            "generation: 7\n"
                + SettingsText.smallest.replacing(
                    "    slots: 2000\n    inflow: 120/s",
                    with: "    {slots: 2000, inflow: 120/s, \(keys)}"
                )
        )
        #expect(loaded.rooms[0].binding == .address(v4Bits: 24, v6Bits: 56))
        #expect(loaded.rooms[0].journalFolder == "/etc/spool")
        #expect(
            Settings.changes(from: running, to: loaded).map(\.description) == [
                "generation: auto -> 7 (live)", "rooms.onsale.bind: none -> address/24/56 (live)",
                "rooms.onsale.per_visitor.requests: 16 -> 0 (live)",
                "rooms.onsale.per_visitor.connections: 0 -> 8 (live)", "rooms.onsale.retention: 7d -> 1d (live)",
                "rooms.onsale.journal_keep: 7d -> 1h (live)", "rooms.onsale.journal_entries: 100000 -> 5000 (live)",
                "rooms.onsale.journal_export: null -> /etc/spool (live)",
            ]
        )
        #expect(Settings.effective(running: running, loaded: loaded) == loaded)
    }

    /// Every count of an operator's own is above every time of a file, and the whole below 2^53.
    @Test func generation_isTheFilesTime_orTheOperatorsCount() throws {
        var settings = Settings()
        #expect(settings.generation == 0)
        settings.fileMicros = 1_790_000_000_000_000
        #expect(settings.generation == 1_790_000_000_000_000)
        settings.fileMicros = .max
        let latest = settings.generation
        settings.explicitGeneration = 1
        #expect(settings.generation == 4_000_000_000_000_001 && settings.generation > latest)
        // People are shown what they wrote, or when they saved the file.
        #expect(Settings.text(generation: settings.generation) == "1")
        #expect(Settings.text(generation: 1_790_000_000_000_000) == "2026-09-21T14:13:20Z")
        #expect(Settings.text(generation: 0) == "none")
        settings.explicitGeneration = 1_000_000_000_000
        #expect(settings.generation < 1 << 53)
    }

    @Test func restartChange_isListedAndKeptBack() throws {
        let running = try SettingsText.decode(SettingsText.smallest)
        let text = "redis: memory\nloops: 3\nadmin: {listen: 127.0.0.1:9999}\nlog: {level: debug}\n"
        let loaded = try SettingsText.decode(text + SettingsText.smallest.replacing("8080", with: "8081"))
        #expect(
            Settings.changes(from: running, to: loaded).map(\.description) == [
                "listen: [127.0.0.1:8080] -> [127.0.0.1:8081] (at restart)",
                "admin.listen: 127.0.0.1:9090 -> 127.0.0.1:9999 (at restart)",
                "redis: embedded -> memory (at restart)", "loops: auto -> 3 (at restart)",
                "log.level: info -> debug (live)",
            ]
        )
        var expected = running
        expected.log.level = .debug
        #expect(Settings.effective(running: running, loaded: loaded) == expected)
    }

    @Test func roomsAndPools_comeAndGoLive() throws {
        let running = try SettingsText.decode(SettingsText.smallest)
        let loaded = try SettingsText.decode(SettingsText.smallest.replacing("onsale", with: "vip"))
        #expect(
            Settings.changes(from: running, to: loaded).map(\.description) == [
                "rooms.onsale: there -> gone (live)", "rooms.vip: not there -> new (live)",
                "routes: [*/ -> tickets through onsale] -> [*/ -> tickets through vip] (live)",
            ]
        )
        #expect(Settings.effective(running: running, loaded: loaded) == loaded)
    }

    /// Half of a new driver's settings would make no sense to the old one.
    @Test func changedDriver_keepsThePoolAsItWas() throws {
        let running = try SettingsText.decode(SettingsText.smallest)
        let loaded = try self.settings(
            "max_workers: 4",
            "driver: static\n    workers: [127.0.0.1:1]\n    waiting_requests: 5"
        )
        let changes = Settings.changes(from: running, to: loaded)
        #expect(changes.map(\.path).contains("pools.tickets.waiting_requests"))
        #expect(changes.allSatisfy { $0.reload == .needsRestart })
        #expect(Settings.effective(running: running, loaded: loaded) == running)
    }

    @Test func unusedNames_areNoticed() throws {
        let settings = try self.settings("    room: onsale", "")
        #expect(settings.notices == ["rooms.onsale: no route goes through this room; it guards nothing"])
        #expect(try SettingsText.decode(SettingsText.smallest).notices == [])
    }

    /// The bucket that a tick empties holds no more than the burst: the rest of the inflow was never reached, without a
    /// word.
    @Test(arguments: [
        ("500/s", 1, "10/s of the inflow of 500/s while people wait; make it at least 50"),
        ("501/s", 50, "500/s of the inflow of 501/s while people wait; make it at least 51"),
        ("500/s", 50, nil), ("0/s", 1, nil),
    ])
    func burst_lessThanATickLetsIn_isNoticedWithWhatCanBeReached(inflow: String, burst: Int, end: String?) throws {
        let settings = try self.settings("inflow: 120/s", "inflow: \(inflow)\n    burst: \(burst)")
        let start = "rooms.onsale.burst: \(burst) is less than a tick of 100 ms lets in: one gateway may reach only "
        #expect(settings.notices == (end.map { [start + $0] } ?? []))
    }
}

@Suite struct PoolSettingsTests {
    @Test func staticPool_isBoundByItsList() {
        var pool = PoolSettings(name: "a")
        #expect(pool.workerBounds == 1...6)
        pool.driver = .static
        pool.workers = [.loopback(port: 1), .loopback(port: 2)]
        #expect(pool.workerBounds == 2...2)
    }
}
