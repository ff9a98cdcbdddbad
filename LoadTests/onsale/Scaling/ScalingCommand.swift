import ArgumentParser
import Dispatch
import Foundation
import Primitives
import Scaling
import Simulation
import Synchronization

/// `onsale scaling`: the policy beside others, in virtual time. `LoadTests/bench scaling` calls it.
struct ScalingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaling",
        abstract: "Compare the scaling policy with HPA, KPA, a fixed pool and one who knows the future.",
        discussion: """
            Each of the traces is played in virtual time with each start-up time, with a room and without, once for each \
            seed and each of those who decide on the pool's size: sluice (the production policy), hpa (Kubernetes' \
            Horizontal Pod Autoscaler), kpa (Knative's autoscaler), fixed (as many workers as the oracle ever had) and \
            oracle (knows who will come, and has the fewest workers that meet the objective). Everybody has the same \
            room with the same inflow; only sluice and the oracle tell it how fast to let in.

            The policy was tuned on seeds below 1000. Figures to be believed come from the others.

            Ends with 0 when every goal was met, 1 when one was missed.
            """,
        shouldDisplay: false
    )

    @Option(help: "The first seed. Below 1000: what the policy was tuned on.")
    var seed: UInt64 = 1_000

    @Option(help: "How many seeds, from --seed on.")
    var seeds = 2

    @Option(name: .customLong("start"), help: "Start-up times of a worker in seconds, with commas between.")
    var starts = "2,15,60,120"

    @Option(help: "A folder of measured traces: CSV files with one count a line under a heading.")
    var traces: String?

    @Option(help: "Only traces whose names begin so; commas between several.")
    var only: String?

    @Flag(help: "Print a line for each trace and start-up time, too.")
    var details = false

    @Flag(help: "Print only what one decision for 1,000 pools with 100 gateways costs.")
    var decision = false

    func validate() throws {
        guard (1...100).contains(self.seeds) else {
            throw ValidationError("--seeds: \(self.seeds) is not between 1 and 100")
        }
        guard let starts = self.startSeconds, !starts.isEmpty, starts.allSatisfy({ (1...600).contains($0) }) else {
            throw ValidationError("--start: \(self.starts) is not a list of whole seconds from 1 to 600, such as 2,15")
        }
    }

    private var startSeconds: [Int]? {
        let parts = self.starts.split(separator: ",").map { Int($0) }
        return parts.contains(nil) ? nil : parts.compactMap { $0 }
    }

    func run() throws {
        let isGood = try self.decision || self.compare()
        let cost = DecisionCost.measured()
        Output.standard.say(cost.text)
        // As the other benchmarks end.
        guard isGood, cost.isMet else { throw ExitCode(1) }
    }

    /// Plays and tells; true when every goal was met.
    private func compare() throws -> Bool {
        var traces = DemandTrace.invented + (try self.measuredTraces())
        if let only = self.only?.split(separator: ",") {
            traces = traces.filter { trace in only.contains { trace.name.hasPrefix($0) } }
            guard !traces.isEmpty else { throw ValidationError("--only: no trace is called like \(self.only ?? "")") }
        }
        var cases: [CapacityComparison.Case] = []
        for hasRoom in [true, false] {
            for trace in traces {
                for start in self.startSeconds ?? [] {
                    for seed in self.seed..<(self.seed + UInt64(self.seeds)) {
                        cases.append(.init(trace: trace, startSeconds: start, hasRoom: hasRoom, seed: seed))
                    }
                }
            }
        }
        let cells = Self.compare(cases)
        let table = ScalingTable(cells)
        Output.standard.say(
            "\(traces.count) traces, workers that start in \(self.starts) s, seeds \(self.seed) to "
                + "\(self.seed + UInt64(self.seeds) - 1); pairs are median / worst"
        )
        Output.standard.say("")
        for line in (self.details ? table.details + [""] : []) + table.lines { Output.standard.say(line) }
        return table.isMet
    }

    /// Of the traces in files.
    private static let secondsPerSample = 4.0

    private func measuredTraces() throws -> [DemandTrace] {
        guard let folder = self.traces else { return [] }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".csv") }.sorted()
        guard !files.isEmpty else { throw ValidationError("--traces: no file in \(folder) ends in .csv") }
        return try files.map { file in
            let lines = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
                .split(whereSeparator: \.isNewline)
            let samples = try lines.dropFirst().enumerated().map { index, line in
                guard let count = Double(line), count >= 0, count.isFinite else {
                    throw ValidationError("\(folder)/\(file):\(index + 2): \(line) is not a count")
                }
                return count
            }
            let fewest = DemandTrace.fewestSamples(secondsPerSample: Self.secondsPerSample)
            guard samples.count >= fewest else {
                throw ValidationError("\(folder)/\(file): \(samples.count) counts are no whole run; it takes \(fewest)")
            }
            let name = file.dropLast(4).split(separator: "-").last.map { String($0) } ?? file
            return DemandTrace(name: "real-" + name, shape: .measured(samples, secondsPerSample: Self.secondsPerSample))
        }
    }

    /// Every case by itself, over all cores.
    private static func compare(_ cases: [CapacityComparison.Case]) -> [CapacityComparison] {
        let results = Results(count: cases.count)
        DispatchQueue.concurrentPerform(iterations: cases.count) { index in
            results.put(CapacityComparison(cases[index]), at: index)
        }
        return results.all
    }

    /// What the threads have found.
    private final class Results: Sendable {
        private let cells: Mutex<[CapacityComparison?]>

        init(count: Int) { self.cells = Mutex(Array(repeating: nil, count: count)) }

        func put(_ cell: CapacityComparison, at index: Int) { self.cells.withLock { $0[index] = cell } }
        var all: [CapacityComparison] { self.cells.withLock { $0.compactMap { $0 } } }
    }
}
