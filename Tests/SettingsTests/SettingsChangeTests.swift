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
