import EventLoop
import Primitives

/// Looks after one `Lease`: follows who holds it, and holds it while it is wanted. `LeaseMachine` decides.
public final class LeaseKeeper {
    /// A call that takes longer has come to nothing.
    private static let callNanoseconds = Nanoseconds.perSecond

    private let resource: APIResource
    private let name: String
    private let transport: any APITransport
    private let loop: any LoopContext
    private var machine: LeaseMachine
    private var timer: LoopTimer?
    private var isOver = false
    private var onReleased: (() -> Void)?
    /// What stands in the way; nil when the last call was answered.
    public private(set) var failure: APIFailure?
    /// Held, or held no more.
    public var onChange: (() -> Void)?
    /// Whether a lease that is held may be renewed: asked before each renewal.
    public var mayRenew: () -> Bool = { true }

    public init(
        namespace: String,
        name: String,
        identity: String,
        timing: LeaseMachine.Timing = .standard,
        transport: any APITransport,
        loop: any LoopContext
    ) {
        self.resource = APIResource(
            group: "coordination.k8s.io",
            version: "v1",
            namespace: namespace,
            plural: "leases"
        )
        self.name = name
        self.transport = transport
        self.loop = loop
        self.machine = LeaseMachine(identity: identity, timing: timing)
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.step() }
    }

    /// Begins to follow it.
    public func start() { self.timer?.arm(afterNanoseconds: 0) }

    public func want(_ isWanted: Bool) {
        guard !self.isOver else { return }
        self.machine.want(isWanted, now: self.loop.now)
        self.arm()
    }

    /// How long this one may still write, in nanoseconds; nil when it may not.
    public var trusted: Int64? { self.machine.trusted(now: self.loop.now) }
    public var holder: String? { self.machine.holder }
    public var transitions: Int? { self.machine.transitions }

    /// Gives it up, so that the next one need not wait, and follows it no more.
    public func end(_ completion: @escaping () -> Void) {
        guard !self.isOver else { return completion() }
        guard self.machine.trusted(now: self.loop.now) != nil else {
            self.isOver = true
            self.timer?.disarm()
            return completion()
        }
        self.onReleased = completion
        self.want(false)
    }

    private func arm() {
        guard !self.isOver, let deadline = self.machine.nextDeadline else { return }
        self.timer?.arm(at: deadline)
    }

    private func step() {
        guard !self.isOver else { return }
        if self.machine.transitions != nil, !self.mayRenew() { self.machine.want(false, now: self.loop.now) }
        let action = self.machine.due(now: self.loop.now)
        switch action {
        case .none: self.arm()
        case .read: self.ask(APIRequest(.get, self.resource, name: self.name), since: nil)
        case .create(let transitions):
            let lease = self.lease(version: nil, transitions: transitions, holder: self.machine.identity)
            self.ask(APIRequest(.create, self.resource, body: ObjectCoding.encoded(lease)), since: nil)
        case .hold(let transitions, let version, _):
            self.write(self.lease(version: version, transitions: transitions, holder: self.machine.identity))
        case .release(let transitions, let version):
            self.write(self.lease(version: version, transitions: transitions, holder: ""))
        }
    }

    /// When the one who holds it began to.
    private var acquiredMicros: Int64?

    private func lease(version: String?, transitions: Int, holder: String) -> Lease {
        let now = self.loop.wallMicros
        if self.machine.transitions == nil { self.acquiredMicros = now }
        var spec = Lease.Spec()
        spec.holderIdentity = holder
        // As the others do it: who finds it free takes it at once, and who does not know that waits a second.
        spec.leaseDurationSeconds = holder.isEmpty ? 1 : self.machine.timing.lengthSeconds
        spec.acquireTime = MicroTime.text(wallMicros: self.acquiredMicros ?? now)
        spec.renewTime = MicroTime.text(wallMicros: now)
        spec.leaseTransitions = transitions
        let metadata = ObjectMeta(name: self.name, namespace: self.resource.namespace, resourceVersion: version)
        return Lease(metadata: metadata, spec: spec)
    }

    private func write(_ lease: Lease) {
        self.ask(
            APIRequest(.update, self.resource, name: self.name, body: ObjectCoding.encoded(lease)),
            since: self.machine.trusted(now: self.loop.now)
        )
    }

    /// - Parameter since: what is left of the trust, which a write must not outlive.
    private func ask(_ request: APIRequest, since trust: Int64?) {
        let wasHeld = self.machine.transitions != nil
        self.transport.send(
            request,
            timeoutNanoseconds: min(Self.callNanoseconds, trust ?? .max)
        ) { [weak self] result in
            guard let self, !self.isOver else { return }
            self.machine.answered(self.answer(result, to: request), now: self.loop.now)
            if self.onReleased != nil, self.machine.transitions == nil {
                self.isOver = true
                self.timer?.disarm()
                let completion = self.onReleased
                self.onReleased = nil
                completion?()
                return
            }
            self.arm()
            if wasHeld != (self.machine.transitions != nil) { self.onChange?() }
        }
    }

    private func answer(_ result: Result<APIResponse, APIFailure>, to request: APIRequest) -> LeaseMachine.Answer {
        let lease = result.flatMap { response -> Result<Lease, APIFailure> in
            guard (200..<300).contains(response.status) else { return .failure(APIFailure(response, to: request)) }
            return ObjectCoding.decoded(Lease.self, response.body)
        }
        switch lease {
        case .success(let lease):
            self.failure = nil
            return .found(
                LeaseMachine.Record(
                    holder: lease.spec?.holderIdentity ?? "",
                    transitions: lease.spec?.leaseTransitions ?? 0,
                    lengthSeconds: lease.spec?.leaseDurationSeconds ?? 0,
                    version: lease.metadata.resourceVersion ?? ""
                )
            )
        case .failure(let failure):
            self.failure = failure.isMissing || failure.isConflict ? nil : failure
            return failure.isMissing ? .missing : failure.isConflict ? .conflict : .failed
        }
    }
}
