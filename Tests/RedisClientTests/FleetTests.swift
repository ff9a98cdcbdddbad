import EventLoop
import Primitives
import TestKit
import Testing
import Transport

@testable import RedisClient

/// The client and real fleets: processes are killed, slots moved, masters changed, under load.
@Suite(.serialized) struct FleetTests {
    static let plain = RedisFleet.Options()
    static let guarded = RedisFleet.Options(tls: true, acl: true)

    private func withFleet(
        _ shape: RedisFleet.Shape,
        _ options: RedisFleet.Options = plain,
        _ body: @Sendable (RedisFleet, RedisRig) async throws -> Void
    ) async throws {
        let fleet = try await blocking { try RedisFleet.start(shape, options) }
        let rig = try RedisRig.make()
        do {
            await rig.use(
                try RedisEndpoint(parsing: fleet.url()),
                options: try Self.options(fleet),
                scripts: [FleetLoad.script]
            )
            try await body(fleet, rig)
        } catch {
            await rig.finish()
            try await blocking { fleet.finish() }
            throw error
        }
        await rig.finish()
        try await blocking { fleet.finish() }
    }

    private static func options(_ fleet: RedisFleet) throws -> RedisOptions {
        var options = RedisOptions()
        // Longer than a busy machine keeps a server from answering.
        options.commandTimeoutNanoseconds = 4 * Nanoseconds.perSecond
        options.connectTimeoutNanoseconds = 4 * Nanoseconds.perSecond
        if fleet.options.acl { options.sentinelPassword = Secret(RedisFleet.sentinelPassword) }
        if fleet.options.tls {
            options.tls = try TLSContext(
                clientAuthorityFile: fleet.authorityFile,
                certificateFile: fleet.certificateFile,
                keyFile: fleet.keyFile
            )
        }
        return options
    }

    // MARK: Sentinel

    @Test(arguments: [plain, guarded])
    func sentinel_masterKilledUnderLoad_isFollowed(options: RedisFleet.Options) async throws {
        try await self.withFleet(.sentinel, options) { fleet, rig in
            try await rig.connect()
            await rig.startLoad()
            try await rig.waitForFreshAnswers("answers")
            let old = try #require(fleet.master)
            let oldRun = ServerRun.number(try old.info("server")["run_id"] ?? "")
            #expect(await rig.loadRuns == [oldRun])
            // The sentinel that is being asked goes too: two are left, which is a majority.
            fleet.sentinels[0].kill()
            old.kill()
            try await rig.wait("the outage to be seen") { !$0.isConnected }
            try await rig.waitForFreshAnswers("answers of another master")
            let new = try #require(fleet.master)
            #expect(new !== old)
            #expect(await rig.loadRuns.last == ServerRun.number(try new.info("server")["run_id"] ?? ""))
            // On purpose: the one that is left takes itself for the master for some time, and would take writes.
            try await blocking { try fleet.failOver() }
            try await rig.wait("the new master to be used") { $0.counters.connects >= 3 && $0.isConnected }
            try await rig.waitForFreshAnswers("answers")
            try await rig.finishLoad()
            #expect(await rig.loadWrong == [])
        }
    }

    /// A master that stands still keeps its connections; cut off, it would even go on taking writes.
    @Test func sentinel_masterFrozen_isLeftAndNotReturnedTo() async throws {
        try await self.withFleet(.sentinel, .init(replicas: 1)) { fleet, rig in
            try await rig.connect()
            let old = try #require(fleet.master)
            let connects = await rig.counters.connects
            old.freeze()
            try await rig.wait("another master", seconds: 90) { $0.isConnected && $0.counters.connects > connects }
            let new = try #require(fleet.servers.first { $0 !== old })
            #expect(new.role == "master")
            // For a while it takes itself for the master, and takes writes.
            old.thaw()
            await rig.startLoad()
            try await rig.wait("sentinels asked again") { $0.loadGood >= 6_000 }
            #expect(await rig.loadRuns == [ServerRun.number(try new.info("server")["run_id"] ?? "")])
            try await rig.finishLoad()
            #expect(await rig.loadWrong == [])
        }
    }

    @Test func sentinel_whatIsWrong_isSaid() async throws {
        try await self.withFleet(.sentinel, Self.guarded) { fleet, rig in
            let good = try RedisEndpoint(parsing: fleet.url())
            let options = try Self.options(fleet)
            func expectReason(
                _ words: [String],
                _ change: (inout RedisEndpoint, inout RedisOptions) -> Void
            ) async throws {
                var (endpoint, options) = (good, options)
                change(&endpoint, &options)
                await rig.use(endpoint, options: options, scripts: [FleetLoad.script])
                await rig.startClient()
                try await rig.wait("\(words)") { rig in
                    rig.states.contains { state in words.allSatisfy { "\(state)".contains($0) } }
                }
                #expect(await rig.states.contains(.connected) == false)
            }
            try await expectReason(["knows no master named other"]) { endpoint, _ in
                endpoint.fleet = .sentinel(master: "other")
            }
            try await expectReason(["NOAUTH", "set sentinel_user and sentinel_password"]) { _, options in
                options.sentinelPassword = nil
            }
            try await expectReason(["WRONGPASS", "sentinel_password"]) { _, options in
                options.sentinelPassword = Secret("wrong")
            }
            // Attempts go on several times a second; what is said of them does not.
            try await rig.wait("more attempts") { $0.counters.attempts >= 12 }
            #expect(await rig.states.count <= 5)
            try await expectReason(["WRONGPASS", "check user and password"]) { endpoint, _ in
                endpoint.password = Secret("wrong")
            }
            try await expectReason(["TLS"]) { _, options in options.tls = nil }
            // A server where a sentinel is meant, and the other way round.
            try await expectReason(["sentinel"]) { endpoint, _ in
                endpoint = RedisEndpoint(.address(.loopback(port: fleet.sentinels[0].port)), usesTLS: true)
                endpoint.password = Secret(RedisFleet.sentinelPassword)
            }
            let replica = fleet.servers[1]
            try await expectReason(["this is a replica of"]) { endpoint, _ in
                endpoint.fleet = .standalone
                endpoint.place = .address(.loopback(port: replica.port))
            }
        }
    }

    // MARK: Cluster

    @Test(arguments: [plain, guarded])
    func cluster_slotMovesAndMasterDies_underLoad(options: RedisFleet.Options) async throws {
        try await self.withFleet(.cluster, options) { fleet, rig in
            try await rig.connect()
            await rig.startLoad()
            try await rig.waitForFreshAnswers("answers")
            #expect(await rig.loadRuns.count == 3)
            #expect(await rig.counters.reconnects == 0)

            let key = FleetLoad.keys("a")[0]
            let source = try #require(try fleet.master(ofKey: key))
            let target = try #require(fleet.servers.prefix(3).first { $0 !== source })
            try fleet.beginMove(slotOf: key, to: target)
            // One of the call's two keys here, one there: it has to be tried again.
            try fleet.moveKeys([key], slotOf: key, to: target)
            try await rig.wait("a call that has to wait") { $0.counters.postponed > 0 }
            let before = await rig.counters.redirections
            try fleet.moveKeys([FleetLoad.keys("a")[1]], slotOf: key, to: target)
            try await rig.waitForFreshAnswers("answers by the other node, asked for each")
            let asked = await rig.counters.redirections
            #expect(asked > before)
            try fleet.finishMove(slotOf: key, to: target)
            try await rig.waitForFreshAnswers("answers after the move")
            #expect(await rig.states.last == .connected)

            // A master dies; its replica takes over, and the others work on meanwhile.
            let victim = try #require(try fleet.master(ofKey: FleetLoad.keys("b")[0]))
            let others = try FleetLoad.tags.filter { try fleet.master(ofKey: FleetLoad.keys($0)[0]) !== victim }
            victim.kill()
            try await rig.wait("the outage to be seen") {
                $0.states.contains { if case .partly = $0 { true } else { false } }
            }
            try await rig.waitForFreshAnswers("answers of the others", tags: others)
            try await rig.waitForFreshAnswers("answers of the replica that took over")
            try await rig.wait("all to be well") { $0.states.last == .connected }
            try await rig.finishLoad()
            #expect(await rig.loadWrong == [])
            #expect(await rig.loadRuns.count == 4)
        }
    }

    /// Whatever node it is told, even a replica; and nodes that are gone are not needed.
    @Test func cluster_seedIsAReplicaOrGone_findsAll() async throws {
        try await self.withFleet(.cluster) { fleet, rig in
            let gone = try #require(fleet.servers.last)
            gone.kill()
            let text = "redis+cluster://127.0.0.1:\(gone.port),localhost:\(fleet.servers[3].port)"
            await rig.use(try RedisEndpoint(parsing: text), scripts: [FleetLoad.script])
            try await rig.connect()
            await rig.startLoad()
            try await rig.waitForFreshAnswers("answers")
            #expect(await rig.loadRuns.count == 3)
            try await rig.finishLoad()
            #expect(await rig.loadWrong == [])

            await rig.use(RedisEndpoint(.address(.loopback(port: fleet.servers[0].port))))
            await rig.startClient()
            try await rig.wait("advice") { $0.states.contains { "\($0)".contains("write redis+cluster://") } }
        }
    }

    // MARK: One server

    @Test func standalone_rightsMissing_areSaidOnce() async throws {
        try await self.withFleet(.standalone, Self.guarded) { fleet, rig in
            let server = fleet.servers[0]
            try await rig.connect()
            let run = ServerRun.number(try server.info("server")["run_id"] ?? "")
            #expect(await rig.send("ECHO", .serverRun).map(\.integer) == .success(run))
            #expect(await rig.notices == [])
            // A user who may not ask whom it talks to, and may touch other keys only.
            try server.order("ACL", "SETUSER", RedisFleet.user, "resetkeys", "~other:*", "-info", "-role")
            await rig.use(
                try RedisEndpoint(parsing: fleet.url()),
                options: try Self.options(fleet),
                scripts: [FleetLoad.script]
            )
            try await rig.connect()
            #expect(await rig.send("ECHO", .serverRun).map(\.integer) == .success(0))
            #expect(await rig.notices.count == 2)
            let refused = await rig.eval(FleetLoad.script, keys: FleetLoad.keys("a"), ["x", "0"])
            guard case .failure(.refused("NOPERM", let message)) = refused else {
                Issue.record("got \(refused)")
                return
            }
            #expect(message.contains("ACL SETUSER NAME ~sluice:*"))
            try server.order("ACL", "SETUSER", RedisFleet.user, "-script")
            await rig.use(
                try RedisEndpoint(parsing: fleet.url()),
                options: try Self.options(fleet),
                scripts: [FleetLoad.script]
            )
            await rig.startClient()
            try await rig.wait("advice") { $0.states.contains { "\($0)".contains("ACL SETUSER NAME ~sluice:*") } }
        }
    }

    /// A server that is told to follow another one, and later to lead again, at the same address.
    @Test func standalone_becomesReplicaAndMasterAgain_isUsedWhenItLeads() async throws {
        try await self.withFleet(.standalone) { fleet, rig in
            try await rig.connect()
            try fleet.servers[0].order("REPLICAOF", "127.0.0.1", "1")
            await rig.startLoad()
            try await rig.wait("advice") { $0.states.contains { "\($0)".contains("this is a replica of") } }
            try fleet.servers[0].order("REPLICAOF", "NO", "ONE")
            try await rig.waitForFreshAnswers("answers")
            try await rig.finishLoad()
            #expect(await rig.loadWrong == [])
        }
    }
}
