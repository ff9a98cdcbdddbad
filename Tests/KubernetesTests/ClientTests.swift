import EventLoop
import Foundation
import Primitives
import TestKit
import Testing

@testable import Kubernetes

/// A client, a server on the loopback, and the loop on which the client lives.
final class ClientRig: Sendable {
    let cluster: InventedCluster
    let server: InventedAPIServer?
    let fixture: LoopFixture
    /// What belongs to the loop.
    final class Own {
        let transport: HTTPTransport
        let caller: APICaller
        var watch: ResourceWatch<EndpointSlice>?
        var lease: [LeaseKeeper] = []
        var table = EndpointTable()

        init(_ source: ClusterAccess.Source, _ loop: LoopFixture) throws {
            self.transport = try HTTPTransport(source, loop: loop.loop)
            self.caller = APICaller(transport: self.transport, loop: loop.loop, seed: 1)
        }
    }
    private let own: LoopBound<Own>

    /// `prepare` is given the access to the server, and `write` what came of it, to tell where it is written down.
    init(
        token: ClusterAccess.Credentials = .none,
        host: String = "127.0.0.1",
        certificates: InventedAPIServer.Certificates? = nil,
        _ prepare: (inout ClusterAccess) -> Void = { _ in },
        write: (ClusterAccess) throws -> ClusterAccess.Source = { .given($0) }
    ) throws {
        self.cluster = InventedCluster()
        let server = try InventedAPIServer(self.cluster, host: host, certificates: certificates)
        self.server = server
        self.namespace = InventedCluster.namespace
        let fixture = try LoopFixture()
        self.fixture = fixture
        var prepared = ClusterAccess(server: server.url, credentials: token)
        prepare(&prepared)
        let source = try write(prepared)
        self.own = try fixture.run { LoopBound(try Own(source, fixture), loop: fixture.loop) }
    }

    /// Before a cluster of somebody's own.
    init(access: ClusterAccess, namespace: String) throws {
        self.cluster = InventedCluster()
        self.server = nil
        self.namespace = namespace
        let fixture = try LoopFixture()
        self.fixture = fixture
        self.own = try fixture.run { LoopBound(try Own(.given(access), fixture), loop: fixture.loop) }
    }

    let namespace: String
    static let workload = "shop"
    var target: ScaleTarget { ScaleTarget(plural: "deployments", namespace: self.namespace, name: Self.workload) }

    func on<Value: Sendable>(_ body: @escaping @Sendable (Own) throws -> Value) throws -> Value {
        let own = self.own
        return try self.fixture.run { try body(own.open()) }
    }

    func call(_ request: APIRequest, deadlineSeconds: Int64 = 20) throws -> Result<APIResponse, APIFailure> {
        let answer = Handover<Result<APIResponse, APIFailure>>()
        try self.on { own in
            own.caller.call(request, deadlineNanoseconds: deadlineSeconds * Nanoseconds.perSecond) { answer.put($0) }
        }
        return try answer.take()
    }

    func scale() throws -> Scale { try self.call(self.target.read).flatMap(ScaleTarget.scale).get() }

    func startWatch() throws {
        let loop = self.fixture.loop
        let namespace = self.namespace
        try self.on { own in
            let watch = ResourceWatch<EndpointSlice>(
                APIResource(
                    group: "discovery.k8s.io",
                    version: "v1",
                    namespace: namespace,
                    plural: "endpointslices"
                ),
                labelSelector: "kubernetes.io/service-name=shop",
                transport: own.transport,
                loop: loop,
                seed: 1
            ) { [weak own] change in
                switch change {
                case .all(let slices): own?.table.replaceAll(slices)
                case .upsert(let slice): own?.table.upsert(slice)
                case .remove(let slice): own?.table.remove(slice.metadata.name ?? "")
                }
            }
            own.watch = watch
            watch.start()
        }
    }

    func waitForReady(_ count: Int) throws {
        try self.fixture.waitUntil {
            try self.on { own in own.table.workers(port: nil).workers.filter(\.isReady).count == count }
        }
    }

    func end() throws {
        try self.on { own in
            own.watch?.stop()
            own.lease = []
            own.transport.close()
        }
        try self.server?.end()
        try self.fixture.end()
    }
}

/// The client against a server that follows the documented API, over real connections.
@Suite struct ClientTests {
    private func rule(_ verb: String, _ resource: String) -> @Sendable (InventedCluster.Rule) -> Bool {
        { $0.verb == verb && $0.resource == resource }
    }

    @Test func scale_isReadAndWritten_andRefusedWhenSomebodyWasFaster() throws {
        let rig = try ClientRig()
        rig.cluster.deploy("shop", replicas: 2)
        var scale = try rig.scale()
        #expect(scale.replicas == 2)
        scale.replicas = 4
        let stale = scale
        #expect(try rig.call(rig.target.write(scale)).flatMap(ScaleTarget.scale).get().replicas == 4)
        #expect(rig.cluster.replicas("shop") == 4)
        guard case .failure(let failure) = try rig.call(rig.target.write(stale)) else {
            Issue.record("a write of what has changed since was taken")
            return
        }
        #expect(failure.isConflict && failure.description.contains("somebody else"))
        scale = try rig.scale()
        scale.replicas = 0
        _ = try rig.call(rig.target.write(scale)).get()
        #expect(try rig.scale().replicas == 0)
        try rig.end()
    }

    /// Seen before: a dump of the client's own error, without the address that was tried.
    @Test(arguments: [true, false])
    func server_thatDoesNotAnswer_isToldWithAddressAndWhatToDo(listens: Bool) throws {
        // A port on which nobody accepts: a backlog that is never looked at, or none.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) + getsockname(listener, $0, &length)
            }
        }
        try #require(isBound == 0 && (!listens || listen(listener, 8) == 0))
        defer { close(listener) }
        let place = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        let rig = try ClientRig(
            access: ClusterAccess(server: "http://somebody:secret@\(place)", credentials: .none),
            namespace: "sale"
        )
        let answer = Handover<Result<APIResponse, APIFailure>>()
        let (request, patience) = (rig.target.read, listens ? 200 : 20_000 as Int64)
        try rig.on { own in
            own.transport.send(request, timeoutNanoseconds: patience * Nanoseconds.perMillisecond) { answer.put($0) }
        }
        guard case .failure(let failure) = try answer.take() else {
            Issue.record("somebody has answered")
            return
        }
        let words = "get deployments/scale shop in namespace sale at http://\(place): "
        let reason = listens ? "no answer within 200 ms" : "Connection refused. Look whether"
        #expect("\(failure)".hasPrefix("the API server cannot be reached: \(words)\(reason)"), "\(failure)")
        #expect("\(failure)".contains("`server` in the kubeconfig") && !"\(failure)".contains("secret"), "\(failure)")
        try rig.end()
    }

    @Test func server_thatHasTooMuchToDo_isAskedAgain() throws {
        let rig = try ClientRig()
        rig.cluster.deploy("shop", replicas: 1)
        rig.cluster.fail(
            [
                rig.cluster.refusal(429, reason: "TooManyRequests", retryAfter: 0), rig.cluster.refusal(503),
                rig.cluster.refusal(500), .broken,
            ],
            where: self.rule("get", "deployments/scale")
        )
        #expect(try rig.scale().replicas == 1)
        #expect(rig.cluster.log.map(\.status) == [429, 503, 500, 0, 200])
        try rig.end()
    }

    /// No longer than there is time.
    @Test func server_thatWantsToBeLeftAlone_isLeftAlone() throws {
        let rig = try ClientRig()
        rig.cluster.deploy("shop", replicas: 1)
        rig.cluster.fail([rig.cluster.refusal(429, retryAfter: 3_600)], where: { _ in true })
        guard case .failure(let failure) = try rig.call(rig.target.read) else {
            Issue.record("it was asked again")
            return
        }
        #expect(failure.code == 429 && rig.cluster.log.count == 1)
        try rig.end()
    }

    @Test func what_isNotAllowed_isAskedOnce() throws {
        let rig = try ClientRig()
        for code in [400, 403, 404, 409, 422] {
            rig.cluster.forgetLog()
            rig.cluster.fail([rig.cluster.refusal(code)], where: { _ in true })
            guard case .failure(let failure) = try rig.call(rig.target.read) else {
                Issue.record("\(code) is no success")
                continue
            }
            #expect(failure.code == code && rig.cluster.log.count == 1)
        }
        try rig.end()
    }

    /// A cluster changes the tokens of its service accounts while their pods run.
    @Test func token_thatWasChanged_isReadAgain() throws {
        let path = NSTemporaryDirectory() + "sluice-token-\(UUID().uuidString)"
        try "first".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let rig = try ClientRig(token: .tokenFile(path))
        rig.cluster.deploy("shop", replicas: 1)
        rig.cluster.allow(tokens: ["first"])
        #expect(try rig.scale().replicas == 1)
        rig.cluster.allow(tokens: ["second"])
        guard case .failure(let failure) = try rig.call(rig.target.read) else {
            Issue.record("an old token was good")
            return
        }
        #expect(failure.code == 401 && failure.description.contains("expired"))
        try "second".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try rig.scale().replicas == 1)
        try rig.end()
    }

    @Test func write_byOneWhoMayNotGoOn_isNotMade() throws {
        let rig = try ClientRig()
        rig.cluster.deploy("shop", replicas: 1)
        let scale = try rig.scale()
        rig.cluster.forgetLog()
        rig.cluster.fail([rig.cluster.refusal(503)], where: self.rule("update", "deployments/scale"))
        let answer = Handover<Result<APIResponse, APIFailure>>()
        let target = rig.target
        // Allowed for the first attempt, and no more when the next is due.
        try rig.on { own in
            var attempts = 0
            own.caller.call(
                target.write(scale),
                deadlineNanoseconds: 20 * Nanoseconds.perSecond,
                mayGoOn: {
                    attempts += 1
                    return attempts == 1 ? .max : nil
                },
                completion: { answer.put($0) }
            )
        }
        guard case .failure(.held) = try answer.take() else {
            Issue.record("it went on")
            return
        }
        #expect(rig.cluster.log.count == 1)
        try rig.end()
    }

    @Test func watch_followsWhatComesAndGoes() throws {
        let rig = try ClientRig()
        rig.cluster.deploy("shop", replicas: 7)
        try rig.startWatch()
        try rig.waitForReady(7)
        var scale = try rig.scale()
        scale.replicas = 2
        _ = try rig.call(rig.target.write(scale)).get()
        try rig.waitForReady(2)
        try rig.end()
    }

    /// Every way in which a stream ends: nothing that happened meanwhile is missed.
    @Test(arguments: ["break", "too old", "too old within", "error", "nonsense", "long line", "refused", "stranger"])
    func watch_thatBreaks_missesNothing(how: String) throws {
        let rig = try ClientRig()
        rig.cluster.deploy("shop", replicas: 2)
        try rig.startWatch()
        try rig.waitForReady(2)
        rig.cluster.sendBookmarks()
        let isWatch = self.rule("watch", "endpointslices")
        switch how {
        case "too old":
            rig.cluster.compact()
            rig.cluster.endWatches()
        case "too old within":
            let status = #"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#
            rig.cluster.sendRaw(Array(#"{"type":"ERROR","object":\#(status)}"#.utf8))
        case "error": rig.cluster.sendRaw(Array(#"{"type":"ERROR","object":{"kind":"Status","code":500}}"#.utf8))
        case "nonsense": rig.cluster.sendRaw(Array(#"{"type":"ADDED","object":{"metadata":{}}}"#.utf8))
        case "long line": rig.cluster.sendRaw([UInt8](repeating: 0x20, count: HTTPTransport.maxLineBytes + 1))
        case "refused":
            rig.cluster.fail(
                [rig.cluster.refusal(429, retryAfter: 1), rig.cluster.refusal(503), .broken],
                where: isWatch
            )
            rig.cluster.endWatches()
        case "stranger":
            rig.cluster.fail([rig.cluster.refusal(401)], where: isWatch)
            rig.cluster.endWatches()
        default: rig.cluster.endWatches()
        }
        var scale = try rig.scale()
        scale.replicas = 5
        _ = try rig.call(rig.target.write(scale)).get()
        try rig.waitForReady(5)
        rig.cluster.kill(try #require(rig.cluster.pods.first))
        try rig.waitForReady(5)
        try rig.fixture.waitUntil { try rig.on { $0.watch?.trouble == nil } }
        try rig.end()
    }

    @Test func leases_two_oneHoldsItAndTheOtherFollows() throws {
        let rig = try ClientRig()
        let loop = rig.fixture.loop
        try rig.on { own in
            own.lease = ["a", "b"].map { name in
                let keeper = LeaseKeeper(
                    namespace: InventedCluster.namespace,
                    name: "sluice-shop",
                    identity: name,
                    transport: own.transport,
                    loop: loop
                )
                keeper.want(true)
                keeper.start()
                return keeper
            }
        }
        let held = { try rig.on { own in own.lease.indices.filter { own.lease[$0].trusted != nil } } }
        try rig.fixture.waitUntil { try held().count == 1 }
        let first = try #require(try held().first)
        // It is given up in order: the other need not wait.
        try rig.on { $0.lease[first].want(false) }
        try rig.fixture.waitUntil { try held() == [1 - first] }
        let lease = rig.cluster.object("/apis/coordination.k8s.io/v1/namespaces/sale/leases/sluice-shop")
        #expect(lease?["spec"]["holderIdentity"].string == ["a", "b"][1 - first])
        #expect(lease?["spec"]["leaseTransitions"].integer == 1)
        try rig.end()
    }
}
