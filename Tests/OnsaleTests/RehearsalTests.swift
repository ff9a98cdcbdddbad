import Foundation
import Settings
import SettingsFile
import TestKit
import Testing

@testable import onsale

/// An operator's own file, made ready to be played.
@Suite struct RehearsalTests {
    static let scenario = Scenario(visitors: 200, durationSeconds: 40, seed: 1)

    /// The smallest file with a room; what a test is about is added to it.
    static func text(
        top: String = "",
        pool: String = "",
        room: String = "",
        route: String = "",
        routes: String = "",
        rooms: String = ""
    ) -> String {
        """
        # A comment.
        listen: [{address: 127.0.0.1:8080}]
        \(top)
        pools:
          shop: {worker: {slots: 20}\(pool)}
        rooms:
          sale: {slots: 500, inflow: 30/s, burst: 7\(room)}
        \(rooms)
        routes:
          - {pool: shop, room: sale\(route)}
        \(routes)
        """
    }

    static func write(_ text: String) throws -> (folder: RunPartsTests.Folder, path: String) {
        let folder = try RunPartsTests.Folder()
        let path = "\(folder.path)/operator.yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return (folder, path)
    }

    static func rehearse(
        _ text: String,
        room: String? = nil,
        openAfter: Double? = nil,
        scenario: Scenario = Self.scenario
    ) throws -> Rehearsal {
        let (folder, path) = try Self.write(text)
        return try withExtendedLifetime(folder) {
            try Rehearsal(.init(file: path, room: room, openAfterSeconds: openAfter), scenario)
        }
    }

    /// What the gateway reads out of what is written for it.
    static func settings(_ plan: SitePlan, limits: SitePlan.Limits? = nil, opensAt: Date? = nil) throws -> Settings {
        let (folder, path) = try Self.write(try plan.yaml(limits ?? plan.before, opensAt: opensAt))
        return try withExtendedLifetime(folder) { try SettingsFile.load(path) }
    }

    static func replaced(_ plan: SitePlan) -> Set<String> { Set(plan.copy?.replacements.map(\.key) ?? []) }

    /// The file that explains every key: all but what must be replaced comes through.
    @Test func repositorysFile_isPlayedAsItIs() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appendingPathComponent("Config/sluice.yaml").path
        let own = try SettingsFile.load(path)
        // A crowd of which the tool's own site would have fewer slots for a while.
        let scenario = Scenario(visitors: 2_000, durationSeconds: 120, seed: 1)
        let rehearsal = try Rehearsal(.init(file: path), scenario)
        let played = try Self.settings(rehearsal.plan)
        var expected = own
        expected.listeners = [ListenSettings(address: .loopback(port: 0))]
        expected.admin.listen = .loopback(port: 0)
        expected.stateFolder = played.stateFolder
        expected.fileMicros = played.fileMicros
        #expect(played == expected)
        #expect(played.stateFolder.hasSuffix("/state"))
        let plan = rehearsal.plan
        #expect(
            plan.room == "onsale" && plan.pool == "tickets" && plan.before == .init(inflowMilli: 120_000, burst: 40)
        )
        #expect(plan.slots == 2_000 && plan.sessionSeconds == 600 && plan.mostWorkers == 6)
        // Its slots stay as they are; its inflow is changed when that of the tool's own site is.
        let usual = SitePlan(scenario)
        #expect(usual.changes.count == 4 && plan.changes.allSatisfy { $0.limits.slots == nil })
        #expect(plan.changes.map(\.seconds) == usual.changes.suffix(2).map(\.seconds))
        // Without an opening, and with passes that are tied to nobody.
        #expect(plan.leftOut[.opening] != nil && !plan.probeKinds.contains(.stolenPass))
    }

    /// There is no KEDA in a rehearsal: the same bounds, with workers of this machine.
    @Test func workersOfKEDA_areStartedHere() throws {
        let pool = ", driver: keda, min_workers: 0, max_workers: 2, workers: [10.0.0.1:80, 10.0.0.2:80]"
        let plan = try Self.rehearse(Self.text(pool: pool)).plan
        let settings = try Self.settings(plan)
        let rehearsed = try #require(settings.pools.first)
        #expect(rehearsed.driver == .process && rehearsed.workers.isEmpty)
        #expect(rehearsed.minWorkers == 1 && rehearsed.maxWorkers == 2)
        #expect(Self.replaced(plan).isSuperset(of: ["pools.shop.driver", "pools.shop.min_workers"]))
    }

    /// Seen before: a rehearsal listed the instances of the real cloud, and ended those that it did not want.
    @Test(arguments: [
        #"driver: command, start_timeout: 90s, cloud: {scale: [aws, "{desired}"], list: [aws, list], retire: [aws, "{id}"]}"#,
        "driver: kubernetes, kubernetes: {name: shop}",
    ])
    func workersOfACloud_areStartedHere(driver: String) throws {
        let plan = try Self.rehearse(Self.text(pool: ", max_workers: 3, \(driver)")).plan
        let settings = try Self.settings(plan)
        let rehearsed = try #require(settings.pools.first)
        #expect(rehearsed.driver == .process && rehearsed.maxWorkers == 3)
        #expect(rehearsed.cloud == CloudSettings() && rehearsed.kubernetes == KubernetesSettings())
        #expect(Self.replaced(plan).contains("pools.shop.driver"))
    }

    /// What is planned by the clock is planned for the real opening, and the run has another.
    @Test func workersForTheRealDate_areLeftOut() throws {
        let own = "2 workers from 2031-01-01T00:00:00Z for 2h"
        let text = Self.text(
            pool: ", max_workers: 3, scaling: {scale_down_after: 10s, prewarm: [\(own)]}",
            room: ", opens_at: 2031-01-01T00:00:00Z"
        )
        let plan = try Self.rehearse(text).plan
        let settings = try Self.settings(plan)
        let scaling = try #require(settings.pools.first).scaling
        #expect(scaling.prewarm.isEmpty && scaling.scaleDownAfterNanoseconds == 10_000_000_000)
        let told = try #require(plan.copy?.replacements.first { $0.key == "pools.shop.scaling.prewarm" })
        #expect(told.words.contains(own))
        let without = try Self.rehearse(text.replacingOccurrences(of: own, with: "")).plan
        #expect(!Self.replaced(without).contains("pools.shop.scaling.prewarm"))
    }

    /// What reaches out of this machine or of this run is replaced, and each is told.
    @Test func file_thatReachesOut_isSandboxed() throws {
        let text = Self.text(
            top: """
                admin: {listen: 0.0.0.0:9090}
                state_folder: /var/lib/sluice
                redis: rediss://me:secret@redis.example:6380/1
                redis_access: {authority: null}
                generation: 7
                signing_keys: [{id: 3, secret: "0123456789012345678901234567890123456789"}]
                """,
            pool: ", driver: static, workers: [10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80]",
            room: ", journal_entries: 1000, journal_keep: 1m, opens_at: 2031-01-01T00:00:00Z"
        ).replacingOccurrences(
            of: "127.0.0.1:8080}",
            with: "0.0.0.0:443, tls: {certificate: /no/cert.pem, key: /no/key.pem}}"
        )
        let plan = try Self.rehearse(text).plan
        let settings = try Self.settings(plan, opensAt: Date(timeIntervalSince1970: 1_795_000_000.25))
        #expect(settings.listeners == [ListenSettings(address: .loopback(port: 0))] && settings.redis == .embedded)
        #expect(settings.signingKeys.isEmpty && settings.explicitGeneration == nil)
        let pool = try #require(settings.pools.first)
        #expect(pool.driver == .process && pool.minWorkers == 3 && pool.maxWorkers == 3 && pool.worker.slots == 20)
        let room = try #require(settings.rooms.first)
        #expect(room.journalEntries == 100_000 && room.opensAtMicros == 1_795_000_000_250_000)
        #expect(plan.leftOut[.workers] == "the number of workers is fixed" && plan.leftOut[.opening] == nil)
        let keys: Set = [
            "listen", "admin.listen", "state_folder", "redis", "redis_access", "generation", "signing_keys",
            "pools.shop.workers", "rooms.sale.journal_entries", "rooms.sale.journal_keep", "rooms.sale.opens_at",
            "listen[0].tls.certificate", "listen[0].tls.key",
        ]
        #expect(Self.replaced(plan) == keys)
        let words = plan.told.map { "\($0.name) \($0.value)" }.joined(separator: "\n")
        #expect(!words.contains("secret@") && !words.contains("0123456789") && words.contains("2031-01-01T00:00:00Z"))
    }

    /// A rehearsal opens ports without them: a file that is there and no good is told, and in nobody's way.
    @Test func certificatesAndKeysThatAreNoGood_areNotAskedFor() throws {
        let folder = try Machine.makeTemporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(fileURLWithPath: "\(folder)/empty.pem"))
        try Data("short".utf8).write(to: URL(fileURLWithPath: "\(folder)/key"))
        let text = Self.text(top: "signing_keys: [{id: 3, file: \(folder)/key}]").replacingOccurrences(
            of: "127.0.0.1:8080}",
            with: "0.0.0.0:443, tls: {certificate: \(folder)/empty.pem, key: \(folder)/empty.pem}}"
        )
        let plan = try Self.rehearse(text).plan
        #expect(Self.replaced(plan).isSuperset(of: ["listen[0].tls.certificate", "signing_keys[0].file"]))
    }

    @Test func ownProgram_isNotStarted() throws {
        let plan = try Self.rehearse(Self.text(pool: ", command: [/usr/bin/shop, --really]")).plan
        #expect(try Self.settings(plan).pools.first?.command == [])
        #expect(Self.replaced(plan).contains("pools.shop.command"))
    }

    /// Quotes, lists in one line and words that YAML knows otherwise stay what they were.
    @Test func copy_keepsTheMeaningOfEveryValue() throws {
        let text = Self.text(room: #", title: "no: it's #1", bind: cookie/account, per_visitor: {requests: 3}"#)
        let plan = try Self.rehearse(text).plan
        let limits = SitePlan.Limits(inflowMilli: 30_500, burst: 9, slots: 77)
        let room = try #require(try Self.settings(plan, limits: limits).rooms.first)
        #expect(room.title == "no: it's #1" && room.binding == .cookie("account") && room.perVisitor.requests == 3)
        #expect(room.inflowMilli == 30_500 && room.burst == 9 && room.slots == 77 && room.opensAtMicros == nil)
    }

    @Test func openAfter_putsTheOpeningThere_alsoWhereTheFileHasNone() throws {
        let rehearsal = try Self.rehearse(Self.text(), openAfter: 5)
        #expect(rehearsal.scenario.curve.openingSeconds == 5 && rehearsal.plan.hasOpening)
        #expect(try Self.settings(rehearsal.plan, opensAt: Date()).rooms.first?.opensAtMicros != nil)
        let problem = try #require(throws: RehearsalProblem.self) { try Self.rehearse(Self.text(), openAfter: 39) }
        #expect("\(problem)".contains("--open-after 39 does not fit into the run of"), "\(problem)")
        #expect("\(problem)".contains("name an earlier time, or a longer run with --seconds"), "\(problem)")
    }

    @Test func route_isWhereTheCrowdGoes() throws {
        let text = Self.text(
            route: ", host: shop.example, path: /tickets",
            routes: "  - {pool: shop, path: /tickets/assets}"
        )
        let route = try #require(try Self.rehearse(text).plan.route)
        #expect(
            route.host == "shop.example" && route.path(of: "/") == "/tickets"
                && route.path(of: "/leave") == "/tickets/leave"
        )
    }

    static let rooms = "  other: {slots: 5, inflow: 1/s}"

    @Test(arguments: [
        (Self.text(routes: "  - {pool: shop, path: /leave}"), nil, "/leave of the route */ -> shop through sale"),
        (Self.text(rooms: Self.rooms), nil, "the file has 2 rooms; say which one by --room: sale, other"),
        (Self.text(rooms: Self.rooms), "sail", "there is no room named sail; known under rooms: sale, other"),
        (Self.text(rooms: Self.rooms), "other", "no route goes through the room other"),
        (Self.text().replacingOccurrences(of: "30/s", with: "0/s"), nil, "lets nobody in"),
        (Self.text(pool: ", max_workers: 900"), nil, "at most 200 on one machine"),
        (Self.text().replacingOccurrences(of: "30/s", with: "1/s"), nil, "cannot be in by the end of the run"),
    ])
    func file_thatCannotBeRehearsed_isRefusedWithWhatToDo(text: String, room: String?, words: String) throws {
        let problem = try #require(throws: RehearsalProblem.self) { try Self.rehearse(text, room: room) }
        #expect(problem.description.contains(words))
    }

    /// 150 visitors are 141 who come, and 40 s at 2/s let in fewer than 60: the others have to be in with the first burst.
    @Test func burst_letsInACrowdThatTheRateAloneDoesNot() throws {
        let text = Self.text().replacingOccurrences(of: "30/s", with: "2/s")
        let scenario = Scenario(visitors: 150, durationSeconds: 40, seed: 1)
        let problem = try #require(throws: RehearsalProblem.self) { try Self.rehearse(text, scenario: scenario) }
        #expect(problem.description.contains("the room lets in 7 at once and 2/s, and the workers carry about "))
        let wide = text.replacingOccurrences(of: "burst: 7", with: "burst: 120")
        #expect(try Self.rehearse(wide, scenario: scenario).plan.before.burst == 120)
        // Nobody gets in without a slot, whatever the burst.
        let few = wide.replacingOccurrences(of: "slots: 500", with: "slots: 50, session_length: 5s")
        #expect(throws: RehearsalProblem.self) { try Self.rehearse(few, scenario: scenario) }
    }

    /// In the gateway's own words, with file, line and key.
    @Test func file_withMistakes_isRefusedByTheGateway() throws {
        let error = try #require(throws: SettingsError.self) {
            try Self.rehearse(Self.text(room: ", inflo: 3/s", route: ", hots: a"))
        }
        #expect(error.problems.count == 2)
        #expect(error.description.contains("operator.yaml:7:") && error.description.contains("did you mean inflow?"))
        #expect(throws: SettingsError.self) { try Rehearsal(.init(file: "/nowhere/at.all"), Self.scenario) }
    }

    /// A pool that grows only while people wait is not asked for more than it has for sure.
    @Test func slowWorkers_makeLessDue() throws {
        let plan = try Self.rehearse(
            Self.text(pool: ", max_workers: 40, scaling: {scale_down_after: 5m}")
                .replacingOccurrences(of: "slots: 20", with: "slots: 1"),
            scenario: Scenario(visitors: 100, durationSeconds: 40, seed: 1)
        ).plan
        #expect(plan.carriedMilli == 5_250)
        #expect(plan.leftOut[.workers]?.contains("scale_down_after is 300 s") == true)
        let schedule = plan.schedule(openingMicros: 0, writtenMicros: [], objectives: Objectives())
        #expect(schedule.carriedMilli == 5_250)
    }
}
