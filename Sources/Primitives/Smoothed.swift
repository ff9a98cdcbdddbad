/// An exponentially weighted moving average whose first sample is taken whole.
public struct Smoothed: Codable, Sendable, Equatable {
    /// Weight of a new sample, in `0...1`.
    public let weight: Double
    public private(set) var value: Double?

    public init(weight: Double, initial: Double? = nil) {
        precondition(weight > 0 && weight <= 1, "the weight of a sample lies in 0...1")
        self.weight = weight
        self.value = initial
    }

    public mutating func add(_ sample: Double) {
        guard let old = self.value else {
            self.value = sample
            return
        }
        self.value = old + (sample - old) * self.weight
    }
}
