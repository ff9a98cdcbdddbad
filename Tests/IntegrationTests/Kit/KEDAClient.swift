import Foundation

/// KEDA's side of an external scaler: a Python program with Google's own gRPC, which knows nothing of Sluice.
struct KEDAClient {
    private let scene: Scene
    private let python: String
    private let script: String
    private let target: [String]

    /// `authority`: PEM of whom to trust; nil for plain HTTP/2.
    init(_ scene: Scene, port: UInt16, authority: String? = nil) throws {
        self.scene = scene
        self.python = try ForeignPython.find()
        self.script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("keda.py").path
        self.target = ["127.0.0.1:\(port)"] + (authority.map { ["--ca", $0] } ?? [])
    }

    /// Status and what stands behind it, such as `OK desired_workers 3 3`.
    func call(_ method: String, _ metadata: [String], metric: String? = nil) throws -> String {
        let words = ["call", method] + metadata + (metric.map { ["--metric", $0] } ?? [])
        let run = try self.scene.run(self.python, [self.script] + self.target + words)
        guard run.end == .exited(0) else { throw Disappointment("\(run.end): \(run.errors)") }
        return run.output.trimmingCharacters(in: .newlines)
    }

    /// Opens so many streams one after the other, and breaks each off. `OK COUNT`, or where that failed and why.
    func churn(_ count: Int, _ metadata: [String]) throws -> String {
        let run = try self.scene.run(self.python, [self.script] + self.target + ["churn", "\(count)"] + metadata)
        guard run.end == .exited(0) else { throw Disappointment("\(run.end): \(run.errors)") }
        return run.output.trimmingCharacters(in: .newlines)
    }

    /// Asks again and again, and holds a stream open, until the scene ends.
    func follow(_ metadata: [String]) throws -> Follower {
        let words = [self.script] + self.target + ["follow"] + metadata
        return Follower(process: try self.scene.launch(self.python, words))
    }

    struct Follower {
        let process: RunningProcess

        /// What was answered so far, the last last.
        var lines: [[Substring]] {
            let text = self.process.output
            // A line that is being written is no line yet.
            let whole = text.lastIndex(of: "\n").map { text[..<$0] } ?? ""
            return whole.split(separator: "\n").map { $0.split(separator: " ") }
        }

        /// Values of the metric, and whether the pool was active.
        var metrics: [(workers: Int, isActive: Bool)] {
            self.lines.compactMap { words in
                guard words.count == 3, words[0] == "metric", let workers = Int(words[1]) else { return nil }
                return (workers, words[2] == "true")
            }
        }

        var failures: [String] {
            self.lines.filter { $0.first == "failed" }.map { $0.joined(separator: " ") }
        }

        /// What the stream has told.
        var pushed: [Bool] {
            self.lines.compactMap { words in
                guard words.count == 2, words[0] == "stream", words[1] != "ended" else { return nil }
                return words[1] == "true"
            }
        }

        func waitFor(_ what: String, _ condition: (Follower) -> Bool) throws {
            try Patience.wait(for: "\(what); it says \(self.lines.suffix(5)) \(self.process.errors.suffix(300))") {
                condition(self)
            }
        }
    }
}
