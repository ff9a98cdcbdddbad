import EventLoop
import HTTPService
import Observability
import Pools
import Primitives
import Transport

/// The backend that comes with the gateway: so many slots, a bounded queue in front of them, and a service time, so that
/// overload is real: first requests wait, then they are refused.
///
/// Confined to its loop; to be held while it is wanted. Pages:
/// - `/healthz`: 200 when ready; 503 while starting or draining. Takes no slot, nor does `/metrics`. With `?wait=` it
///   takes so many milliseconds, at most a minute.
/// - `/leave`, also below another path: asks the gateway to end the visitor's session (`sluice-session: release`).
/// - `/echo`: the request's body; with `?head` the request as it was received, as JSON.
/// - `/bytes?n=`: so many bytes, see `byte(at:)`; with `&chunked` without a length.
/// - `/fail?status=`: a response with that status.
/// - everything else: a small HTML page that says which worker served it.
///
/// A request may carry a mark, `?mark=` and sixteen hexadecimal digits: `/leave`, `/fail`, the page, refusals, and what
/// fails because a rehearsal asked for it (`FailureOrder`) end with it, so that a client can tell that it was answered,
/// and not somebody else.
public final class SampleWorker {
    private struct Job {
        let response: WorkerResponse
        let mark: RequestMark
        let responder: Responder
        let arrived: Instant
    }

    /// One place to be served. Its timer is made once.
    private final class Slot {
        let index: Int
        var job: Job?
        var timer: LoopTimer!
        init(index: Int) { self.index = index }
    }

    private enum Phase { case starting, ready, draining }
    private static let longestWaitMilliseconds: Int64 = 60_000

    public let loop: EventLoop
    public let shape: WorkerShape
    public let boundAddress: SocketAddress
    private var service: HTTPService!
    private var phase = Phase.starting
    private var times: ServiceTimes
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var waiting: RingQueue<Job>
    private var counts = WorkerCounts()
    /// Of its requests, those that fail because a rehearsal asked for it, and the draws for that.
    private var failingShare = 0.0
    private var failures: SplitMix64
    private var latency = LatencyHistogram()
    private let page: [UInt8]
    private let fields: [ServiceField]
    private let leaveFields: [ServiceField]

    /// Listens at once, and is ready after the shape's start time. A shape with a `problem` is a programming error.
    public init(loop: EventLoop, address: SocketAddress, shape: WorkerShape = WorkerShape()) throws {
        if let problem = shape.problem { preconditionFailure("worker shape: \(problem)") }
        self.loop = loop
        self.shape = shape
        self.times = ServiceTimes(
            meanNanoseconds: shape.serviceTimeNanoseconds,
            spread: shape.spread,
            seed: shape.seed
        )
        // Not the draws of the service times: short ones would fail.
        self.failures = SplitMix64(seed: ~shape.seed)
        self.waiting = RingQueue(capacity: shape.queue)
        var limits = ServiceLimits()
        limits.maxBodyBytes = 8 * 1024 * 1024
        // The handler exists before the worker is complete; the first request comes a turn later.
        weak var worker: SampleWorker?
        let service = try HTTPService(loop: loop, address: address, limits: limits) { request, responder in
            worker?.take(request, responder)
        }
        self.boundAddress = service.boundAddress!
        self.page = WorkerPage.make(name: self.boundAddress.description)
        self.fields = [ServiceField("sluice-worker", self.boundAddress.description)]
        self.leaveFields = self.fields + [ServiceField("sluice-session", "release")]
        self.service = service
        worker = self
        self.slots = (0..<shape.slots).map { index in
            let slot = Slot(index: index)
            // The loop may hold a timer longer than anybody holds the worker.
            slot.timer = LoopTimer(loop: loop) { [weak self, weak slot] in if let slot { self?.finish(slot) } }
            return slot
        }
        self.freeSlots = Array((0..<shape.slots).reversed())
        if shape.startTimeNanoseconds == 0 {
            self.phase = .ready
        } else {
            loop.after(nanoseconds: shape.startTimeNanoseconds) { [weak self] in
                if self?.phase == .starting { self?.phase = .ready }
            }
        }
    }

    public var isReady: Bool { self.phase == .ready }
    public var servingCount: Int { self.slots.count - self.freeSlots.count }
    public var waitingCount: Int { self.waiting.count }
    public var refusedCount: UInt64 { self.counts.refused }
    public var servedCount: UInt64 { self.counts.served }

    /// Takes no new connections, answers what it has, and calls `completion` when no connection is left.
    public func drain(_ completion: @escaping () -> Void) {
        self.loop.preconditionOnLoop()
        precondition(self.phase != .draining, "a worker is drained once")
        self.phase = .draining
        // The worker lives until then, also when nobody holds it.
        self.service.close { withExtendedLifetime(self) { completion() } }
    }

    /// From now on that share of the requests is answered with 500, in place of what they asked for; 0: none.
    func fail(share: Double) {
        self.loop.preconditionOnLoop()
        self.failingShare = share
    }

    /// The byte at `offset` of what `/bytes` answers.
    public static func byte(at offset: Int64) -> UInt8 { UInt8(truncatingIfNeeded: offset &+ offset >> 8) }

    // MARK: Requests

    private func take(_ request: borrowing ServiceRequest, _ responder: Responder) {
        if request.hasPath("/healthz") {
            let wait = Int64(request.queryValue("wait") ?? "") ?? 0
            guard wait > 0 else { return self.respondToProbe(responder) }
            self.loop.after(nanoseconds: min(wait, Self.longestWaitMilliseconds) * Nanoseconds.perMillisecond) {
                self.respondToProbe(responder)
            }
            return
        }
        if request.hasPath("/metrics") {
            return responder.respond(status: 200, contentType: PrometheusText.contentType, body: self.metrics())
        }
        // A draining worker serves what still comes over its connections.
        let mark = RequestMark(request)
        guard self.phase != .starting else { return self.refuse(responder, "the worker is starting\n", mark) }
        let job = Job(response: WorkerResponse(request), mark: mark, responder: responder, arrived: self.loop.now)
        if self.shape.serviceTimeNanoseconds == 0 { return self.respond(to: job) }
        if let index = self.freeSlots.popLast() { return self.start(job, in: self.slots[index]) }
        guard self.waiting.append(job) else { return self.refuse(responder, "the worker's queue is full\n", mark) }
    }

    private func start(_ job: Job, in slot: Slot) {
        slot.job = job
        slot.timer.arm(afterNanoseconds: self.times.next())
    }

    private func finish(_ slot: Slot) {
        guard let job = slot.job.take() else { preconditionFailure("a slot without a job ended") }
        self.respond(to: job)
        // Who has left in the meantime takes no slot.
        while let next = self.waiting.popFirst() {
            if next.responder.isWanted { return self.start(next, in: slot) }
            self.counts.abandoned += 1
        }
        self.freeSlots.append(slot.index)
    }

    // MARK: Responses

    private func respond(to job: Job) {
        self.counts.served += 1
        self.latency.record(nanoseconds: self.loop.now.nanoseconds(since: job.arrived))
        let responder = job.responder
        if self.failingShare > 0, self.failures.nextUnit() < self.failingShare {
            return responder.respond(status: 500, fields: self.fields, body: job.mark.ending("as a rehearsal asked\n"))
        }
        switch job.response {
        case .page:
            responder.respond(
                status: 200,
                contentType: "text/html; charset=utf-8",
                fields: self.fields,
                body: job.mark.ending(self.page)
            )
        case .leave: responder.respond(status: 200, fields: self.leaveFields, body: job.mark.ending("good-bye\n"))
        case .echo(let body):
            responder.respond(status: 200, contentType: "application/octet-stream", fields: self.fields, body: body)
        case .echoedHead(let json):
            responder.respond(status: 200, contentType: "application/json", fields: self.fields, body: json)
        case .bytes(let count, let isChunked):
            responder.respond(
                status: 200,
                contentType: "application/octet-stream",
                fields: self.fields,
                byteCount: count,
                isChunked: isChunked
            ) { offset, memory in
                for index in 0..<memory.count { memory[index] = Self.byte(at: offset + Int64(index)) }
            }
        case .fail(let status):
            responder.respond(status: status, fields: self.fields, body: job.mark.ending("as you asked\n"))
        case .mistake(let text): responder.respond(status: 400, fields: self.fields, body: text)
        }
    }

    private func refuse(_ responder: Responder, _ reason: String, _ mark: RequestMark) {
        self.counts.refused += 1
        let fields = self.fields + [ServiceField("retry-after", "1")]
        responder.respond(status: 503, fields: fields, body: mark.ending(reason))
    }

    private func respondToProbe(_ responder: Responder) {
        switch self.phase {
        case .ready: responder.respond(status: 200, fields: self.fields, body: "ok\n")
        case .starting: responder.respond(status: 503, fields: self.fields, body: "starting\n")
        case .draining: responder.respond(status: 503, fields: self.fields, body: "draining\n")
        }
    }

    private func metrics() -> String {
        var text = PrometheusText()
        text.gauge("sluice_worker_ready", help: "1 when the worker takes requests.", self.isReady ? 1 : 0)
        text.gauge("sluice_worker_slots", help: "Requests that can be served at the same time.", self.shape.slots)
        text.gauge("sluice_worker_serving", help: "Requests being served.", self.servingCount)
        text.gauge("sluice_worker_waiting", help: "Requests that wait for a slot.", self.waitingCount)
        text.counter("sluice_worker_served_total", help: "Requests served.", self.counts.served)
        text.counter("sluice_worker_refused_total", help: "Requests refused with 503.", self.counts.refused)
        text.counter(
            "sluice_worker_abandoned_total",
            help: "Requests whose client left while they waited.",
            self.counts.abandoned
        )
        text.family("sluice_worker_latency_seconds", .histogram, help: "From a request's arrival to its response.")
        text.sample(self.latency)
        return text.finished()
    }
}

/// What a worker has done since it started.
private struct WorkerCounts {
    var served: UInt64 = 0
    var refused: UInt64 = 0
    var abandoned: UInt64 = 0
}
