/// The visitors of a crowd that one loop plays: those whose index leaves `index` when divided by `count`.
///
/// Everybody belongs to exactly one of `count` shares, and neighbours in the order of arrival to different ones, so that
/// all loops and machines have the same to do at any time.
struct CrowdShare: Codable, Equatable, Sendable {
    static let whole = CrowdShare(index: 0, count: 1)

    let index: Int
    let count: Int

    init(index: Int, count: Int) {
        precondition(count > 0 && (0..<count).contains(index), "share \(index) of \(count)")
        self.index = index
        self.count = count
    }

    func contains(_ visitor: Int) -> Bool { visitor % self.count == self.index }

    /// How many of `visitors` people are in it.
    func size(of visitors: Int) -> Int { (visitors - self.index + self.count - 1) / self.count }

    /// The how manyeth of this share somebody in it is, from 0 on.
    func position(of visitor: Int) -> Int { visitor / self.count }

    /// The other way round.
    func visitor(at position: Int) -> Int { position * self.count + self.index }

    /// Cut again into `parts` shares, which together are this one.
    func split(_ parts: Int) -> [CrowdShare] {
        (0..<parts).map { CrowdShare(index: self.index + self.count * $0, count: self.count * parts) }
    }
}
