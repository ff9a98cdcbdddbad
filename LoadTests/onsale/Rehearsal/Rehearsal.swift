import Foundation
import Settings
import SettingsFile

/// The operator's own file made ready to be played: which room is judged, where its crowd goes, what is replaced, and
/// what cannot be judged and why.
struct Rehearsal {
    struct Options: Equatable, Sendable {
        var file: String
        /// nil: the only one.
        var room: String?
        /// Seconds into the run; nil: as the scenario says.
        var openAfterSeconds: Double?
    }

    /// Sample workers of all pools together; each is a process.
    static let mostWorkers = 200
    /// Workers that are needed less soon than this after the run are not waited for.
    static let mostScaleDownSeconds = 120

    let plan: SitePlan
    let scenario: Scenario

    /// Reads the file, and the copy of it. Throws what the gateway would say about the file, or why it cannot be played.
    init(_ options: Options, _ scenario: Scenario) throws {
        let file = try OperatorFile(options.file)
        var copy = try SandboxedFile(file.root, journalEntries: max(100_000, 2 * scenario.visitors))
        for problem in file.passedOver { copy.tell(problem.path, "not looked at: \(problem.message)") }
        let settings = try Self.settings(of: copy, like: options.file)
        let room = try Self.room(options.room, in: settings)
        let route = try RoomRoute(to: room.name, in: settings)
        guard let pool = settings.pool(named: route.pool) else {
            throw RehearsalProblem("there is no pool named \(route.pool)")
        }
        try Self.checkWorkers(settings.pools)
        guard room.inflowMilli > 0 else {
            throw RehearsalProblem(
                "rooms.\(room.name).inflow is 0/s, which lets nobody in: rehearse a copy with the rate of the sale"
            )
        }
        var scenario = scenario
        let hasOpening = room.opensAtMicros != nil || options.openAfterSeconds != nil
        if let seconds = options.openAfterSeconds {
            scenario.curve.openAfter(seconds)
            do {
                try scenario.check()
            } catch {
                let length = Format.decimal(scenario.durationSeconds)
                throw RehearsalProblem(
                    "--open-after \(Format.decimal(seconds)) does not fit into the run of \(length) s, in which people "
                        + "come around the opening: name an earlier time, or a longer run with --seconds (\(error))"
                )
            }
        }
        if hasOpening {
            let words = room.opensAtMicros.map { "in place of \(Self.time($0))" } ?? "where the file has no opening"
            let opening = Format.decimal(scenario.curve.openingSeconds)
            copy.tell("rooms.\(room.name).opens_at", "\(opening) s into the run, \(words)")
        }
        self.scenario = scenario
        self.plan = try SitePlan(
            scenario,
            room: room,
            pool: pool,
            route: route,
            copy: copy,
            hasOpening: hasOpening
        )
    }

    /// What the gateway reads out of the copy: the same code says what each key means.
    private static func settings(of copy: SandboxedFile, like path: String) throws -> Settings {
        let folder = try Machine.makeTemporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let draft = "\(folder)/sluice.yaml"
        try Data(copy.text.utf8).write(to: URL(fileURLWithPath: draft))
        do {
            return try SettingsFile.load(draft)
        } catch {
            // Nothing but what onsale has replaced can be wrong with a copy of a good file.
            throw RehearsalProblem("\(path) is good, and its copy for the rehearsal is not: \(error)")
        }
    }

    private static func room(_ name: String?, in settings: Settings) throws(RehearsalProblem) -> RoomSettings {
        let names = settings.rooms.map(\.name)
        let known = names.joined(separator: ", ")
        guard !names.isEmpty else {
            throw RehearsalProblem("the file has no room, so there is no waiting room to rehearse; add one under rooms")
        }
        if let name {
            guard let room = settings.room(named: name) else {
                throw RehearsalProblem("--room: there is no room named \(name); known under rooms: \(known)")
            }
            return room
        }
        guard names.count == 1 else {
            throw RehearsalProblem("the file has \(names.count) rooms; say which one by --room: \(known)")
        }
        return settings.rooms[0]
    }

    private static func checkWorkers(_ pools: [PoolSettings]) throws(RehearsalProblem) {
        let most = pools.reduce(0) { $0 + $1.maxWorkers }
        guard most > Self.mostWorkers else { return }
        let each = pools.map { "\($0.name) \($0.maxWorkers)" }.joined(separator: ", ")
        throw RehearsalProblem(
            "the pools may have \(most) workers together (\(each)), and a rehearsal starts at most "
                + "\(Self.mostWorkers) on one machine: rehearse a copy with fewer, and larger ones under worker"
        )
    }

    private static func time(_ micros: Int64) -> String {
        Date(timeIntervalSince1970: Double(micros) / 1e6).formatted(.iso8601)
    }
}
