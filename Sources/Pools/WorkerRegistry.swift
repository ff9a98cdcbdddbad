import Primitives

/// The workers of one pool, as they stand in a file of the state folder: written by the controller that leads, read by
/// the next one.
///
///     sluice workers 1 FENCE
///     ID 1 ready 1700000000000000 ...
///     end
///
/// A file without its last line is one that was cut off.
public struct WorkerRegistry: Equatable, Sendable {
    /// More workers than a pool can have are not read.
    public static let maxWorkers = 4_096

    /// Of the leader who wrote it.
    public var fence: Int64
    /// In the order of the ids.
    public var workers: [RegisteredWorker]
    /// What could not be read, each with its line and why; the rest was.
    public var damages: [String] = []

    public init(fence: Int64, workers: [RegisteredWorker]) {
        self.fence = fence
        self.workers = workers.sorted { $0.id < $1.id }
    }

    public var text: String {
        let lines = self.workers.map { "\(RegisteredWorker.escaped($0.id)) \($0.encoded)" }
        return (["sluice workers 1 \(self.fence)"] + lines + ["end"]).joined(separator: "\n") + "\n"
    }

    public init(text: String) {
        self.init(fence: 0, workers: [])
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        if lines.last == "" { lines.removeLast() }
        if let first = lines.first, let fence = Self.fence(first) {
            self.fence = fence
            lines.removeFirst()
        } else {
            self.damages.append("line 1: it does not begin with 'sluice workers 1'")
        }
        if lines.last == "end" { lines.removeLast() } else { self.damages.append("its end is missing") }
        var known: Set<String> = []
        for (index, line) in zip(lines.indices, lines) {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            let number = index - lines.startIndex + (text.hasPrefix("sluice workers") ? 2 : 1)
            guard self.workers.count < Self.maxWorkers else {
                self.damages.append("line \(number): it holds more than \(Self.maxWorkers) workers")
                return
            }
            do throws(RegisteredWorker.Damage) {
                guard parts.count == 2, let id = PercentCoding.decodedText(parts[0]) else {
                    throw RegisteredWorker.Damage(description: "it is no worker")
                }
                let worker = try RegisteredWorker(id: id, encoded: parts[1])
                guard known.insert(id).inserted else {
                    throw RegisteredWorker.Damage(description: "worker \(id) stands there twice")
                }
                self.workers.append(worker)
            } catch {
                self.damages.append("line \(number): \(error)")
            }
        }
        self.workers.sort { $0.id < $1.id }
    }

    private static func fence(_ line: Substring) -> Int64? {
        let words = line.split(separator: " ")
        guard words.count == 4, words[0...2] == ["sluice", "workers", "1"] else { return nil }
        return Int64(words[3])
    }
}
