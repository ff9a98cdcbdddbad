import EventLoop
import Primitives
import SharedState

/// Reads from the board, once a second, how many workers the leader wants, whoever leads: so every controller can tell.
///
/// Lives on one loop; all methods are called there.
public final class DecisionReader {
    private static let intervalNanoseconds = Nanoseconds.perSecond

    private let board: any PoolBoard
    /// `mark`: when it was decided, by the clock of the shared state.
    private let onDecision: (_ pool: String, _ desired: Int, _ mark: Int64) -> Void
    private var timer: LoopTimer?
    /// Whose decision is on its way.
    private var asked: Set<String> = []
    /// Of these pools.
    public var pools: [String] = []

    public init(board: any PoolBoard, onDecision: @escaping (String, Int, Int64) -> Void) {
        self.board = board
        self.onDecision = onDecision
        self.timer = LoopTimer(loop: board.loop) { [weak self] in self?.read() }
    }

    public func start() { self.timer?.arm(afterNanoseconds: 0) }

    public func stop() {
        self.timer?.disarm()
        self.pools = []
    }

    /// As the pool's mode has it; an older version's leader knows of no modes.
    static func wanted(_ fields: [String: String]) -> Int? {
        (fields["wanted"] ?? fields["desired"]).flatMap { Int($0) }
    }

    private func read() {
        self.timer?.arm(afterNanoseconds: Self.intervalNanoseconds)
        for pool in self.pools where self.asked.insert(pool).inserted {
            self.board.decision(pool: pool) { [weak self] result in
                guard let self else { return }
                self.asked.remove(pool)
                // A state that does not answer makes the last word grow old.
                guard case .success(let fields) = result, self.pools.contains(pool) else { return }
                let values = Dictionary(fields) { first, _ in first }
                guard let desired = Self.wanted(values),
                    let mark = values["at_micros"].flatMap({ Int64($0) })
                else { return }
                self.onDecision(pool, desired, mark)
            }
        }
    }
}
