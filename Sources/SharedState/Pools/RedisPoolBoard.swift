import Admission
import EventLoop
import Pools
import RedisClient
import Scaling

/// The board in Redis.
public final class RedisPoolBoard: PoolBoard {
    public let client: RedisClient
    /// Values that could not be read and were left out.
    public private(set) var unreadableValues: UInt64 = 0
    public var onUnreadable: ((UnreadableValue) -> Void)?

    /// `client` was made with `SharedScripts.all`; who made it starts and closes it.
    public init(client: RedisClient) { self.client = client }

    public var loop: any LoopContext { self.client.loop }

    public var outage: String? { self.client.isConnected ? nil : self.client.state.description }

    // MARK: Gateways

    public func report(
        pool: String,
        signals: GatewaySignals,
        completion: @escaping StoreCompletion<[WorkerRecord]>
    ) {
        if let objection = BoardLimits.objection(to: signals) { return self.fail(completion, objection) }
        let words = [
            "report", signals.gateway, signals.encoded, String(BoardLimits.maxGateways),
            String(BoardLimits.forgottenAfterMicros),
        ]
        self.run(BoardScript.keys(pool: pool), words, completion) { self.directory($0) }
    }

    public func workers(pool: String, completion: @escaping StoreCompletion<[WorkerRecord]>) {
        self.send(["HGETALL", .text(BoardScript.keys(pool: pool)[1])], completion) { self.directory($0) }
    }

    public func withdraw(pool: String, gateway: String, completion: @escaping StoreCompletion<Void>) {
        self.send(["HDEL", .text(BoardScript.keys(pool: pool)[0]), .text(gateway)], completion) { _ in () }
    }

    private func directory(_ reply: RedisValue) -> [WorkerRecord]? {
        guard let texts = reply.texts, texts.count.isMultiple(of: 2) else { return nil }
        var workers: [WorkerRecord] = []
        for index in stride(from: 0, to: texts.count, by: 2) {
            do throws(UnreadableValue) {
                workers.append(try WorkerRecord(id: texts[index], encoded: texts[index + 1]))
            } catch {
                self.leaveOut(error)
            }
        }
        return workers.sorted { $0.id < $1.id }
    }

    // MARK: The controller

    public func signals(
        pool: String,
        maxAgeMicros: Int64,
        completion: @escaping StoreCompletion<[GatewaySignals]>
    ) {
        self.run(BoardScript.keys(pool: pool), ["signals", String(maxAgeMicros)], completion) { reply in
            guard let texts = reply.texts, texts.count.isMultiple(of: 4) else { return nil }
            var fresh: [GatewaySignals] = []
            for index in stride(from: 0, to: texts.count, by: 4) {
                do throws(UnreadableValue) {
                    fresh.append(try Self.signals(Array(texts[index..<(index + 4)])))
                } catch {
                    self.leaveOut(error)
                }
            }
            return fresh.sorted { $0.gateway < $1.gateway }
        }
    }

    /// `parts`: gateway, time, age, text.
    private static func signals(_ parts: [String]) throws(UnreadableValue) -> GatewaySignals {
        guard let at = Int64(parts[1]), let age = Int64(parts[2]) else {
            throw UnreadableValue("signals of gateway \(parts[0])", parts[3], "they do not begin with their time")
        }
        return try GatewaySignals(gateway: parts[0], atMicros: at, ageMicros: age, encoded: parts[3])
    }

    public func publish(
        pool: String,
        workers: [WorkerRecord],
        registry: [RegisteredWorker],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        if let objection = BoardLimits.objection(to: workers) ?? BoardLimits.objection(to: registry) {
            return self.fail(completion, objection)
        }
        var words = ["publish", String(fence), String(workers.count)]
        for worker in workers { words += [worker.id, worker.encoded] }
        for worker in registry { words += [worker.id, worker.encoded] }
        self.run(BoardScript.keys(pool: pool), words, completion) { $0.integer.map { $0 == 1 } }
    }

    public func registry(pool: String, completion: @escaping StoreCompletion<BoardRegistry>) {
        self.run(BoardScript.keys(pool: pool), ["registry"], completion) { reply in
            guard let parts = reply.array, parts.count == 3, let fence = parts[0].text.flatMap({ Int64($0) }),
                let directory = self.directory(parts[1]), let texts = parts[2].texts, texts.count.isMultiple(of: 2)
            else { return nil }
            var registry = BoardRegistry(fence: fence, directory: directory)
            for index in stride(from: 0, to: texts.count, by: 2) {
                do throws(RegisteredWorker.Damage) {
                    registry.workers.append(try RegisteredWorker(id: texts[index], encoded: texts[index + 1]))
                } catch {
                    self.leaveOut(UnreadableValue("worker \(texts[index])", texts[index + 1], "\(error)"))
                }
            }
            registry.workers.sort { $0.id < $1.id }
            return registry
        }
    }

    public func publishDecision(
        pool: String,
        fields: [(String, String)],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        if let objection = BoardLimits.objection(to: fields) { return self.fail(completion, objection) }
        let words = ["decide", String(fence)] + fields.flatMap { [$0.0, $0.1] }
        self.run(BoardScript.keys(pool: pool), words, completion) { $0.integer.map { $0 == 1 } }
    }

    public func decision(pool: String, completion: @escaping StoreCompletion<[(String, String)]>) {
        self.send(["HGETALL", .text(BoardScript.keys(pool: pool)[2])], completion) { reply in
            guard let texts = reply.texts, texts.count.isMultiple(of: 2) else { return nil }
            let fields = stride(from: 0, to: texts.count, by: 2).map { (texts[$0], texts[$0 + 1]) }
            return fields.sorted { $0.0 < $1.0 }
        }
    }

    // MARK: Operators

    public func setMode(pool: String, order: ModeOrder?, completion: @escaping StoreCompletion<Void>) {
        let key = RedisArgument.text(BoardScript.modeKey(pool: pool))
        guard let order else { return self.send(["DEL", key], completion) { _ in () } }
        let kept = RedisArgument.text(String(BoardLimits.keptMillis))
        self.send(["SET", key, .text(order.encoded), "PX", kept], completion) { _ in () }
    }

    /// An order that cannot be read is none: it is told of, and the configuration holds.
    public func mode(pool: String, completion: @escaping StoreCompletion<ModeOrder?>) {
        let kept = RedisArgument.text(String(BoardLimits.keptMillis))
        self.send(["GETEX", .text(BoardScript.modeKey(pool: pool)), "PX", kept], completion) { reply in
            guard let text = reply.text else { return reply == .null ? .some(nil) : nil }
            if let order = ModeOrder(encoded: text) { return order }
            self.leaveOut(UnreadableValue("the mode of pool \(pool)", text, "it is no order that is known"))
            return .some(nil)
        }
    }

    // MARK: Leadership

    public func lead(
        controller: String,
        ttlMillis: Int64,
        displacing: String?,
        completion: @escaping StoreCompletion<Leadership>
    ) {
        precondition(ttlMillis > 0, "leading takes time")
        let words = ["lead", controller, String(ttlMillis), displacing ?? ""]
        self.run(BoardScript.leaderKeys, words, completion) { reply in
            reply.integer.map { .own(fence: $0) } ?? reply.text.map { .other($0) }
        }
    }

    public func resign(controller: String, completion: @escaping StoreCompletion<String?>) {
        self.run(BoardScript.leaderKeys, ["resign", controller], completion) { reply in
            reply.text.map { $0.isEmpty ? nil : $0 }
        }
    }

    // MARK: Calling

    private func run<Answer>(
        _ keys: [String],
        _ arguments: [String],
        _ completion: @escaping StoreCompletion<Answer>,
        _ parse: @escaping (RedisValue) -> Answer?
    ) {
        self.loop.preconditionOnLoop()
        self.client.eval(SharedScripts.board, keys: keys, arguments: arguments) {
            completion(Self.answer($0, to: arguments[0], parse))
        }
    }

    private func send<Answer>(
        _ words: [RedisArgument],
        _ completion: @escaping StoreCompletion<Answer>,
        _ parse: @escaping (RedisValue) -> Answer?
    ) {
        self.loop.preconditionOnLoop()
        self.client.send(words) { completion(Self.answer($0, to: "\(words[0])", parse)) }
    }

    private static func answer<Answer>(
        _ result: RedisResult,
        to operation: String,
        _ parse: (RedisValue) -> Answer?
    ) -> Result<Answer, StoreError> {
        switch result {
        case .failure(let error): return .failure(StoreError(error))
        case .success(let value):
            guard let answer = parse(value) else {
                return .failure(
                    .refused("\(operation) was answered with something else: do all programs here run one version?")
                )
            }
            return .success(answer)
        }
    }

    private func leaveOut(_ value: UnreadableValue) {
        self.unreadableValues += 1
        self.onUnreadable?(value)
    }

    private func fail<Answer>(_ completion: @escaping StoreCompletion<Answer>, _ error: StoreError) {
        self.loop.preconditionOnLoop()
        self.loop.onNextTurn { completion(.failure(error)) }
    }
}
