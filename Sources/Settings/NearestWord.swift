/// The word that was probably meant, for "did you mean".
package enum NearestWord {
    /// The closest of `candidates`, when it is closer than chance: a typing error for every three letters, at least one.
    package static func of(_ word: String, among candidates: [String]) -> String? {
        let word = Array(word.utf8)
        guard (1...64).contains(word.count) else { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = self.distance(word, Array(candidate.utf8))
            let tolerated = max(1, max(word.count, candidate.utf8.count) / 3)
            if distance <= tolerated, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// Insertions, deletions, substitutions and swaps of neighbours that turn one into the other (optimal string
    /// alignment). Swaps count once because `brust` is one slip of the fingers.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let isSame = left[row] == right[column]
                var cost = min(current[column] + 1, previous[column + 1] + 1, previous[column] + (isSame ? 0 : 1))
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    cost = min(cost, beforePrevious[column - 1] + 1)
                }
                current.append(cost)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
