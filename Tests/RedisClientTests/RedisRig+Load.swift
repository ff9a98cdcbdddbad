import EventLoop
import Glibc
import Primitives
import RedisClient

/// Many commands at once.
extension RedisRig {
    /// `count` increments in one turn; their answers in the order of sending.
    func pipeline(count: Int) async -> [RedisResult] {
        await self.sendAll([], increments: count)
    }

    /// Stores each value in one turn.
    func sendAll(_ values: [RedisArgument], increments: Int = 0) async -> [RedisResult] {
        let total = values.count + increments
        let client = self.client
        return await withCheckedContinuation { continuation in
            let answers = Answers(total: total) { continuation.resume(returning: $0) }
            for index in 0..<total {
                let words: [RedisArgument] = index < values.count ? ["SET", "v", values[index]] : ["INCR", "counter"]
                client.send(words) { answers.put($0, at: index) }
            }
        }
    }

    func evalAll(_ script: RedisScript, key: String, count: Int) async -> [RedisResult] {
        let client = self.client
        return await withCheckedContinuation { continuation in
            let answers = Answers(total: count) { continuation.resume(returning: $0) }
            for index in 0..<count {
                client.eval(script, keys: [key], arguments: ["1"]) { answers.put($0, at: index) }
            }
        }
    }

    func pipelineThenClose(count: Int) async -> [RedisResult] {
        let client = self.client
        return await withCheckedContinuation { continuation in
            let answers = Answers(total: count) { continuation.resume(returning: $0) }
            for index in 0..<count { client.send(["INCR", "counter"]) { answers.put($0, at: index) } }
            client.close()
        }
    }

    func closeInFirstCompletion(count: Int) async -> [RedisResult] {
        let client = self.client
        return await withCheckedContinuation { continuation in
            let answers = Answers(total: count) { continuation.resume(returning: $0) }
            for index in 0..<count {
                client.send(["INCR", "counter"]) {
                    if index == 0 { client.close() }
                    answers.put($0, at: index)
                }
            }
        }
    }

    /// A second client asks something of a server that stands still, and nobody keeps the client.
    func sendAndLetGo() async -> RedisResult {
        var other: RedisClient? = RedisClient(loop: self.loop, endpoint: self.endpoint, seed: 9)
        let result = await withCheckedContinuation { continuation in
            other?.onStateChange = { [weak other] state in
                guard state == .connected, let client = other else { return }
                self.server.freeze()
                client.send(["PING"]) { continuation.resume(returning: $0) }
                self.loop.onNextTurn { self.letGo() }
            }
            other?.start()
            self.kept = other
            other = nil
        }
        self.server.thaw()
        return result
    }

    private func letGo() { self.kept = nil }

    /// Holds the whole loop within a turn, as a machine without a free core does, so that what is sent then is overdue
    /// by the clock of the turn before it was written.
    func sendThenStandStill(milliseconds: UInt32) async -> RedisResult {
        let client = self.client
        return await withCheckedContinuation { continuation in
            usleep(milliseconds * 1_000)
            client.send(["PING"]) { continuation.resume(returning: $0) }
        }
    }

    /// Sends `count` increments and kills the server when `after` of them are answered. The server keeps nothing, so
    /// that its counter starts at 1 each time.
    func killDuringLoad(after: Int, count: Int) async throws -> Load {
        let client = self.client
        let server = self.server
        let exits = server.exits
        self.load = Load()
        for _ in 0..<count {
            client.send(["INCR", "counter"]) { result in
                self.load.answers += 1
                if let value = try? result.get().integer { self.load.values.append(value) }
                if self.load.answers == after { server.kill() }
            }
        }
        try await self.wait("all answers") { $0.load.answers >= count }
        server.kill()
        try await self.wait("exit seen") { $0.server.exits == exits + 1 }
        try await self.wait("disconnected") { !$0.client.isConnected }
        return self.load
    }
}

/// Collects answers that may come in any order, and traps on one that comes twice.
final class Answers {
    private var results: [RedisResult?]
    private var missing: Int
    private let done: ([RedisResult]) -> Void

    init(total: Int, done: @escaping ([RedisResult]) -> Void) {
        self.results = Array(repeating: nil, count: total)
        self.missing = total
        self.done = done
    }

    func put(_ result: RedisResult, at index: Int) {
        precondition(self.results[index] == nil, "a completion was called twice")
        self.results[index] = result
        self.missing -= 1
        if self.missing == 0 { self.done(self.results.map { $0! }) }
    }
}
