# The price in cents of an article of $1 cents with a discount of $2 percent.
price() {
  discount=$2
  echo $(($1 - $discount))
}
