#!/bin/sh
# Whether the prices of the shop in the folder $1 are right.
. "$1/shop/prices.sh"
[ "$(price 2000 10)" = 1800 ] && [ "$(price 500 0)" = 500 ]
