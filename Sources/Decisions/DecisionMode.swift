/// Who decides how many workers a pool has, where that is not the policy by the configuration.
public struct DecisionMode: Codable, Equatable, Sendable {
    /// `automatic`, `advise`, `manual` or `freeze`.
    public var name: String
    /// Workers that there are to be by it; nil: nothing is changed.
    public var workers: Int?
    /// An operator has set it at run time.
    public var isOrdered: Bool
    /// When that ends, in microseconds since 1970; nil: when another is set.
    public var untilMicros: Int64?

    public init(name: String, workers: Int?, isOrdered: Bool, untilMicros: Int64?) {
        self.name = name
        self.workers = workers
        self.isOrdered = isOrdered
        self.untilMicros = untilMicros
    }
}
