import EventLoop
import Foundation
import Primitives

/// A copy of some of the server's objects that follows them. `WatchMachine` decides; this does what it says.
public final class ResourceWatch<Object: Decodable> {
    /// Of a page of the list.
    private static var pageSize: Int { 500 }
    /// A list with more is an error: it is not what this was made for.
    private static var maxObjects: Int { 5_000 }
    /// The server ends a stream after this time, so that one that has died silently is not waited for much longer.
    private static var streamSeconds: Int64 { 10 }
    private static var graceSeconds: Int64 { 5 }
    private static var listNanoseconds: Int64 { 10 * Nanoseconds.perSecond }

    private let resource: APIResource
    private let selector: String
    private let transport: any APITransport
    private let loop: any LoopContext
    private let onChange: (Change) -> Void
    private var machine: WatchMachine
    private var pages: [Object] = []
    private var stream: (any APIStream)?
    /// The number of the latest stream: what an earlier one still has to say is nobody's.
    private var streams = 0
    private var timer: LoopTimer?
    /// What failed last.
    private var failure: APIFailure?

    public enum Change {
        case all([Object])
        case upsert(Object)
        case remove(Object)
    }

    public init(
        _ resource: APIResource,
        labelSelector: String,
        transport: any APITransport,
        loop: any LoopContext,
        seed: UInt64,
        onChange: @escaping (Change) -> Void
    ) {
        self.resource = resource
        self.selector = labelSelector
        self.transport = transport
        self.loop = loop
        self.machine = WatchMachine(seed: seed)
        self.onChange = onChange
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.step { $0.timerFired(now: $1) } }
    }

    public func start() { self.step { machine, _ in machine.start() } }

    public func stop() {
        self.step { machine, _ in machine.stop() }
        self.timer?.disarm()
    }

    public var isSynced: Bool { self.machine.isSynced }

    /// Since when and why the copy may be out of date; nil while it follows.
    public var trouble: (since: Instant, failure: APIFailure)? {
        guard let since = self.machine.failingSince, let failure = self.failure else { return nil }
        return (since, failure)
    }

    private func step(_ event: (inout WatchMachine, Instant) -> [WatchMachine.Action]) {
        for action in event(&self.machine, self.loop.now) { self.run(action) }
    }

    private func run(_ action: WatchMachine.Action) {
        switch action {
        case .dropPages: self.pages = []
        case .list(let page): self.list(page)
        case .takePages:
            let objects = self.pages
            self.pages = []
            self.onChange(.all(objects))
        case .watch(let version): self.watch(from: version)
        case .closeStream:
            self.streams += 1
            self.stream?.cancel()
            self.stream = nil
        case .upsert, .remove: preconditionFailure("objects come with their events")
        case .wait(let nanoseconds): self.timer?.arm(afterNanoseconds: nanoseconds)
        }
    }

    // MARK: The list

    private func list(_ page: String?) {
        var request = APIRequest(.list, self.resource)
        request.query = [("labelSelector", self.selector), ("limit", "\(Self.pageSize)")]
        if let page { request.query.append(("continue", page)) }
        self.transport.send(request, timeoutNanoseconds: Self.listNanoseconds) { [weak self] result in
            let answer = result.flatMap { response -> Result<ObjectList<Object>, APIFailure> in
                guard response.status == 200 else { return .failure(APIFailure(response, to: request)) }
                return ObjectCoding.decoded(ObjectList<Object>.self, response.body)
            }
            self?.listed(answer)
        }
    }

    private func listed(_ answer: Result<ObjectList<Object>, APIFailure>) {
        switch answer {
        case .success(let list):
            guard case .listing = self.machine.state else { return }
            guard self.pages.count + (list.items?.count ?? 0) <= Self.maxObjects else {
                return self.listed(.failure(.unreadable("a list has more than \(Self.maxObjects) objects")))
            }
            self.pages += list.items ?? []
            let version = list.metadata.resourceVersion ?? ""
            self.step { $0.listed(version: version, next: list.metadata.continue, now: $1) }
        case .failure(let failure):
            self.failure = failure
            self.step { $0.listFailed(failure, now: $1) }
        }
    }

    // MARK: The stream

    private struct Event: Decodable {
        let type: String
        let object: Object
    }
    /// What every event's object has, also where the rest of it is another kind of thing.
    private struct Envelope: Decodable {
        struct Thing: Decodable {
            let metadata: ObjectMeta?
            let code: Int?
        }
        let type: String
        let object: Thing
    }

    private func watch(from version: String) {
        var request = APIRequest(.watch, self.resource)
        request.query = [
            ("watch", "true"), ("labelSelector", self.selector), ("allowWatchBookmarks", "true"),
            ("resourceVersion", version), ("timeoutSeconds", "\(Self.streamSeconds)"),
        ]
        self.streams += 1
        let number = self.streams
        self.stream = self.transport.stream(
            request,
            timeoutNanoseconds: (Self.streamSeconds + Self.graceSeconds) * Nanoseconds.perSecond,
            onLine: { [weak self] line in
                if let self, self.streams == number { self.take(line) }
            },
            onEnd: { [weak self] failure in
                guard let self, self.streams == number else { return }
                self.stream = nil
                if let failure { self.failure = failure }
                self.step { $0.streamEnded(failure, now: $1) }
            }
        )
    }

    private func take(_ line: [UInt8]) {
        guard case .watching = self.machine.state else { return }
        let (event, object) = self.read(line)
        // What is told of it may look at this watch: the machine is let go before.
        let actions = self.machine.took(event, now: self.loop.now)
        for action in actions {
            switch (action, object) {
            case (.upsert, let object?): self.onChange(.upsert(object))
            case (.remove, let object?): self.onChange(.remove(object))
            default: self.run(action)
            }
        }
    }

    private func read(_ line: [UInt8]) -> (WatchMachine.StreamEvent, Object?) {
        let data = Data(line)
        guard let envelope = try? JSONDecoder().decode(Envelope.self, from: data) else {
            self.failure = .unreadable("a line of a watch is no event")
            return (.unreadable, nil)
        }
        let version = envelope.object.metadata?.resourceVersion
        if envelope.type == "ERROR" {
            self.failure = .unreadable("the watch ended with code \(envelope.object.code ?? 0)")
            return (.error(code: envelope.object.code ?? 0), nil)
        }
        if envelope.type == "BOOKMARK", let version { return (.bookmark(version: version), nil) }
        guard let version, let event = try? JSONDecoder().decode(Event.self, from: data) else {
            self.failure = .unreadable("an event of a watch cannot be read")
            return (.unreadable, nil)
        }
        switch event.type {
        case "ADDED": return (.added(version: version), event.object)
        case "MODIFIED": return (.modified(version: version), event.object)
        case "DELETED": return (.deleted(version: version), event.object)
        default:
            self.failure = .unreadable("an event of a watch has the type \(event.type.prefix(40))")
            return (.unreadable, nil)
        }
    }
}
