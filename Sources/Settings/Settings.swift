import Primitives

/// The whole configuration of a gateway and its controller, checked and in ready-to-use units.
///
/// Made from a file's tree (see `SettingsFile.load`), or in code for tests. Every value is within
/// its documented range and no two contradict each other; `Config/sluice.yaml` explains each.
public struct Settings: Equatable, Sendable {
    /// Which of two files wins, by the operator's own count; nil: the file that was changed last.
    public var explicitGeneration: Int?
    /// When the file was changed, in microseconds since 1970; 0 when the settings come from no file.
    public var fileMicros: Int64 = 0
    /// At least one.
    public var listeners: [ListenSettings] = [ListenSettings()]
    public var admin = AdminSettings()
    public var controller = ControllerSettings()
    public var stateFolder = ".sluice"
    public var redis = RedisSettings.embedded
    public var redisAccess = RedisAccessSettings()
    /// Event loops; nil for one a core.
    public var loops: Int?
    public var log = LogSettings()
    public var limits = LimitSettings()
    public var forwarding = ForwardingSettings()
    public var accessLog = AccessLogSettings()
    /// How long a key seals the session tickets of TLS.
    public var ticketPeriodNanoseconds: Int64 = 12 * 3_600 * Nanoseconds.perSecond
    public static let ticketPeriods = Nanoseconds.perSecond...(30 * 86_400 * Nanoseconds.perSecond)
    /// Empty: one is made in the state folder and kept there.
    public var signingKeys: [SigningKeySettings] = []
    /// In the order of the file.
    public var pools: [PoolSettings] = []
    public var rooms: [RoomSettings] = []
    /// In the order of the file, which decides nothing.
    public var routes: [RouteSettings] = []

    public init() {}

    /// Among gateways with different files the room limits of the highest generation are in force. Counts that an
    /// operator gives are above every time of a file (which reach them in 2096), and below 2^53, where Lua's whole
    /// numbers end.
    public var generation: Int64 {
        self.explicitGeneration.map { Self.firstExplicitGeneration + Int64($0) }
            ?? min(self.fileMicros, Self.firstExplicitGeneration - 1)
    }
    public static let firstExplicitGeneration: Int64 = 4_000_000_000_000_000

    /// A generation as people know it: the operator's own count, `7`, or when the file was saved,
    /// `2026-11-26T18:00:00.123456Z`.
    public static func text(generation: Int64) -> String {
        guard generation < Self.firstExplicitGeneration else { return "\(generation - Self.firstExplicitGeneration)" }
        return generation == 0 ? "none" : RFC3339.text(wallMicros: generation, fraction: .microsIfAny)
    }

    public func pool(named name: String) -> PoolSettings? { self.pools.first { $0.name == name } }
    /// Those whose size KEDA is told.
    public var poolsOfKEDA: [String] { self.pools.filter { $0.driver == .keda }.map(\.name) }
    public func room(named name: String) -> RoomSettings? { self.rooms.first { $0.name == name } }

    /// Things that are allowed but probably not meant, in words.
    public var notices: [String] {
        let unusedPools = self.pools.map(\.name).filter { name in !self.routes.contains { $0.pool == name } }
        let unusedRooms = self.rooms.map(\.name).filter { name in !self.routes.contains { $0.room == name } }
        return unusedPools.map { "pools.\($0): no route leads to this pool; its workers get no requests" }
            + unusedRooms.map { "rooms.\($0): no route goes through this room; it guards nothing" }
            + self.pools.compactMap(\.accessNotice) + self.rooms.compactMap(\.burstNotice)
    }
}

extension Settings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("generation", \.explicitGeneration, .either("auto", or: .count(1...1_000_000_000_000)), .live),
            .placed("listen", \.listeners, count: 1...16),
            .section("admin", \.admin),
            .section("controller", \.controller),
            .value("state_folder", \.stateFolder, .path, .needsRestart),
            .value("redis", \.redis, .redis, .needsRestart),
            .section("redis_access", \.redisAccess),
            .value("loops", \.loops, .either("auto", or: .count(1...256)), .needsRestart),
            .section("log", \.log),
            .section("limits", \.limits),
            .section("forwarding", \.forwarding),
            .section("access_log", \.accessLog),
            .value("ticket_period", \.ticketPeriodNanoseconds, .duration(Self.ticketPeriods), .needsRestart),
            .list("signing_keys", \.signingKeys, count: 0...8, .live),
            .named("pools", \.pools, count: 1...64),
            .named("rooms", \.rooms, count: 0...256),
            .list("routes", \.routes, count: 1...1000, .live),
        ]
    }

    /// What a file's tree says, as far as it can be read, and everything that is wrong with it: with a problem, the
    /// settings are good for finding more of them, and for nothing else.
    ///
    /// - Parameters:
    ///   - root: the tree; nil for an empty file.
    ///   - file: the name to give the file in problems.
    ///   - folder: the absolute path of its folder, which relative paths in it are meant from.
    public static func examine(
        _ root: SettingsNode?,
        file: String,
        folder: String
    ) -> (settings: Settings, sources: SettingsSourceMap, problems: [SettingsProblem]) {
        let root = root ?? SettingsNode(.mapping([]), at: SourcePosition(line: 1, column: 1))
        var findings = Findings(knownKeys: { SettingsKey.all })
        findings.place("", at: root.position)
        var settings = Settings.read(root, at: "", &findings)
        settings.resolvePaths(in: folder)
        settings.checkReferences(&findings)
        let problems = findings.problems.map { position, path, message in
            SettingsProblem(file: file, position: position ?? root.position, path: path, message: message)
        }
        return (settings, SettingsSourceMap(file: file, positions: findings.positions), problems)
    }

    private mutating func resolvePaths(in folder: String) {
        self.stateFolder = self.stateFolder.resolved(in: folder)
        self.admin.listen = self.admin.listen.resolved(in: folder)
        self.controller.keda = self.controller.keda.resolved(in: folder)
        if case .server(let server) = self.redis { self.redis = .server(server.resolved(in: folder)) }
        self.redisAccess = self.redisAccess.resolved(in: folder)
        self.accessLog = self.accessLog.resolved(in: folder)
        self.listeners = self.listeners.map { $0.resolved(in: folder) }
        for index in self.signingKeys.indices {
            self.signingKeys[index].file = self.signingKeys[index].file?.resolved(in: folder)
        }
        for room in self.rooms.indices {
            self.rooms[room].journalFolder = self.rooms[room].journalFolder?.resolved(in: folder)
        }
        for pool in self.pools.indices {
            self.pools[pool].workers = self.pools[pool].workers.map { $0.resolved(in: folder) }
            self.pools[pool].tls = self.pools[pool].tls.resolved(in: folder)
            self.pools[pool].kubernetes = self.pools[pool].kubernetes.resolved(in: folder)
        }
    }
}
